/** Where the built pages are: next.config.mjs and the server must agree on it. */
import { createHash } from "node:crypto";

/**
 * Relative to the root. A base path is inlined at build, so each has a build of its own: one service may be started under
 * a base path while another one serves without.
 */
export function pagesFolder(basePath: string): string {
  if (basePath === "") return ".next";
  return `.build/pages-${createHash("sha256").update(basePath).digest("hex").slice(0, 12)}`;
}
