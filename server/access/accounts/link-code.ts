/** One-time links: the code that is in one, and what is kept of it. */
import { createHash, randomBytes } from "node:crypto";
import type { Config } from "../../config.ts";
import { serviceUrl } from "../../http/listening.ts";

/** How long the link of the first admin is valid, and that of somebody who chooses a password. */
export const FIRST_ADMIN_SECONDS = 86_400;
export const PASSWORD_LINK_SECONDS = 3 * 86_400;

export interface NewLink {
  code: string;
  digest: Uint8Array;
  expiresAt: Date;
}

export function newLink(now: Date, seconds: number): NewLink {
  const code = randomBytes(32).toString("base64url");
  return { code, digest: linkDigest(code), expiresAt: new Date(now.getTime() + seconds * 1000) };
}

export function linkDigest(code: string): Uint8Array {
  return createHash("sha256").update(code).digest();
}

/** The code is behind the `#`: browsers send that to no server, and write it into no Referer. */
export function linkUrl(config: Pick<Config, "HOST" | "PORT" | "BASE_PATH" | "PUBLIC_URL">, code: string): string {
  return `${serviceUrl(config)}/link#${code}`;
}
