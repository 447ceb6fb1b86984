/** The one place where an HTTP request becomes an Access. For AUTH=none: whoever reaches this machine's own loopback is its admin. */
import type { IncomingMessage } from "node:http";
import type { Config } from "../config.ts";
import { DomainError } from "../errors.ts";
import type { Access } from "./access.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Gives who is asking. Throws MISDIRECTED for a Host that is not served, and FORBIDDEN. */
export type RequestAccess = (request: IncomingMessage, requestId: string) => Access;

/**
 * A browser on this machine can be made to send requests by any page that it shows, so the name by which it reached us
 * must be ours (else a stranger's name was pointed at loopback), and what changes or streams something must come from our
 * own pages. A proxy would make every visitor look local, so what came through one is refused.
 */
export function createRequestAccess(config: Pick<Config, "PUBLIC_URL">): RequestAccess {
  const servedByPort = new Map<number, Served>();
  return (request, requestId) => {
    const port = request.socket.localPort ?? 0;
    const served = servedByPort.get(port) ?? whatIsServed(port, config.PUBLIC_URL);
    servedByPort.set(port, served);

    const { hosts, throughProxy } = readRoute(request.rawHeaders);
    if (hosts !== 1 || !served.hosts.has(request.headers.host?.toLowerCase() ?? "") || !request.url?.startsWith("/")) {
      throw new DomainError(
        "MISDIRECTED",
        "This service is not known by that name. Use localhost, 127.0.0.1 or [::1], or set PUBLIC_URL.",
      );
    }
    if (throughProxy) {
      throw new DomainError(
        "FORBIDDEN",
        "This request came through a proxy, and AUTH=none trusts only what comes from this machine. Ask it directly.",
      );
    }
    if (needsOwnOrigin(request) && !isOwnOrigin(request, served.origins)) {
      throw new DomainError("FORBIDDEN", "This request was made by a page of another site, which may not do that.");
    }
    return { actor: "local", role: "admin", projects: "all", requestId };
  };
}

/** `rawHeaders` holds names and values in turn, as they came: `headers` would hide a second Host. */
function readRoute(rawHeaders: readonly string[]): { hosts: number; throughProxy: boolean } {
  let hosts = 0;
  let throughProxy = false;
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] as string).toLowerCase();
    if (name === "host") hosts += 1;
    else if (name === "forwarded" || name.startsWith("x-forwarded-")) throughProxy = true;
  }
  return { hosts, throughProxy };
}

interface Served {
  hosts: ReadonlySet<string>;
  origins: ReadonlySet<string>;
}

function whatIsServed(port: number, publicUrl: string | undefined): Served {
  const urls = ["localhost", "127.0.0.1", "[::1]"].map((name) => new URL(`http://${name}:${port}`));
  if (publicUrl !== undefined) urls.push(new URL(publicUrl));
  return { hosts: new Set(urls.map((url) => url.host)), origins: new Set(urls.map((url) => url.origin)) };
}

function needsOwnOrigin(request: IncomingMessage): boolean {
  return (
    !SAFE_METHODS.has(request.method ?? "") ||
    request.headers.upgrade !== undefined ||
    (request.headers.accept ?? "").includes("text/event-stream")
  );
}

/** Programs send neither header; browsers send at least one with everything that matters here. */
function isOwnOrigin(request: IncomingMessage, origins: ReadonlySet<string>): boolean {
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (origin !== undefined && !origins.has(origin.toLowerCase())) return false;
  return site === undefined || site === "same-origin" || site === "none";
}
