/** Turns an HTTP request into an Access; nothing else does. With AUTH=none, every client on this machine is admin. */
import type { IncomingMessage } from "node:http";
import type { Config } from "../config.ts";
import { DomainError } from "../errors.ts";
import { type Access, EVERYTHING } from "./access.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Returns who is asking. MISDIRECTED for a Host that is not served. FORBIDDEN. */
export type RequestAccess = (request: IncomingMessage, requestId: string) => Access;

/**
 * Hazard: any page that a browser on this machine shows can make it send requests here. So this is refused:
 *
 * - a Host that is not ours, because a stranger's name may have been pointed at loopback (DNS rebinding),
 * - a request that changes or streams something, unless it comes from our own pages or from a program,
 * - a request that came through a proxy, which would make every visitor look local.
 */
export function createRequestAccess(config: Pick<Config, "PUBLIC_URL">): RequestAccess {
  const servedByPort = new Map<number, Served>();
  return (request, requestId) => {
    const port = request.socket.localPort ?? 0;
    const served = servedByPort.get(port) ?? servedAt(port, config.PUBLIC_URL);
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
        "This request came through a proxy, and AUTH=none trusts only clients on this machine. Send it directly.",
      );
    }
    if (needsOwnOrigin(request) && !isOwnOrigin(request, served.origins)) {
      throw new DomainError("FORBIDDEN", "This request came from a page of another site, which may not do that.");
    }
    const access: Access = { actor: "local", kind: "local", rights: EVERYTHING, requestId };
    return isFromPage(request) ? { ...access, isPerson: true } : access;
  };
}

/**
 * Whether one of our pages sent it: then a person acts. A browser names the origin of the page with each request that
 * may change something, and no script can change that. Programs name none.
 */
function isFromPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined || headers["sec-fetch-site"] === "same-origin";
}

/** `rawHeaders` holds names and values in turn, as they were sent. Hazard: `headers` would hide a second Host. */
function readRoute(rawHeaders: readonly string[]): { hosts: number; throughProxy: boolean } {
  let hosts = 0;
  let throughProxy = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (name === "host") hosts += 1;
    else if (name === "forwarded" || name.startsWith("x-forwarded-")) throughProxy = true;
  }
  return { hosts, throughProxy };
}

interface Served {
  hosts: ReadonlySet<string>;
  origins: ReadonlySet<string>;
}

function servedAt(port: number, publicUrl: string | undefined): Served {
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

/** Programs send neither header. Browsers send at least one of them with each request that is checked here. */
function isOwnOrigin(request: IncomingMessage, origins: ReadonlySet<string>): boolean {
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (origin !== undefined && !origins.has(origin.toLowerCase())) return false;
  return site === undefined || site === "same-origin" || site === "none";
}
