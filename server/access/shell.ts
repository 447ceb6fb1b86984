/**
 * What every request passes before anybody asks who sends it: the name by which it calls this service, the page that
 * sent it, and the proxies that it came through.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Config } from "../config.ts";
import { DomainError } from "../errors.ts";
import { addressInUrl, addressList, plainAddress } from "./addresses.ts";

/** How a request came, whoever sent it. */
export interface Caller {
  /** The client's IP address: that of the connection, or the one that trusted proxies tell. */
  readonly address: string;
  /** Whether the client uses TLS, as far as it is known. */
  readonly isSecure: boolean;
  /** One of our pages sent it, so a person acts. */
  readonly isFromPage: boolean;
  /**
   * The origin of CORS_ORIGINS whose page sent it, else null. Hazard: only a token says who asks then. A page of another
   * site must never act with the session of the person who looks at it.
   */
  readonly foreignOrigin: string | null;
}

/** MISDIRECTED for a Host that is not served. FORBIDDEN. */
export type Shell = (request: IncomingMessage) => Caller;

export interface ShellSettings extends Pick<Config, "PUBLIC_URL" | "TRUST_PROXY" | "CORS_ORIGINS" | "ALLOWED_HOSTS"> {
  AUTH: "none" | "accounts";
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Hazard: any page that a browser shows can make it send requests here, to loopback too. So this is refused:
 *
 * - a Host that is not ours, because a stranger's name may have been pointed at this address (DNS rebinding),
 * - a request that changes or streams something, unless it comes from our own pages, from those that CORS_ORIGINS
 *   allows, or from a program,
 * - with AUTH=none, a request that came through a proxy, which would make every visitor look local,
 * - with accounts, one whose proxy TRUST_PROXY does not name: all who use it would share its address and its limits.
 */
export function createShell(settings: ShellSettings): Shell {
  const isTrusted = trustOf(settings.TRUST_PROXY);
  const connectionOf = connections(settings, isTrusted);
  const allowed = new Set(settings.CORS_ORIGINS);
  const names = new Set(settings.ALLOWED_HOSTS);
  const publicUrl = settings.PUBLIC_URL === undefined ? null : new URL(settings.PUBLIC_URL);

  return (request) => {
    const { headers } = request;
    const { peer, trusted, hosts, origins } = connectionOf(request.socket);
    const route = readRoute(request.rawHeaders);
    const host = ((trusted ? lastOf(headers["x-forwarded-host"]) : undefined) ?? headers.host ?? "").toLowerCase();
    const isKnown = hosts.has(host) || names.has(host.replace(/:\d+$/, ""));
    if (route.hosts !== 1 || !isKnown || !request.url?.startsWith("/")) {
      throw new DomainError(
        "MISDIRECTED",
        "This service is not known by that name. Use localhost, 127.0.0.1 or [::1], or set PUBLIC_URL; with accounts " +
          "programs may also use the names in ALLOWED_HOSTS.",
      );
    }
    if (settings.AUTH === "none" ? route.forwarded || route.via : route.forwarded && !trusted) {
      throw new DomainError("FORBIDDEN", throughProxy(settings.AUTH, peer));
    }

    const origin = headers.origin?.toLowerCase();
    const isOwn = origin !== undefined && origins.has(origin);
    const foreignOrigin = origin !== undefined && !isOwn && allowed.has(origin) ? origin : null;
    const mayAct = foreignOrigin !== null ? headers.upgrade === undefined : isFromHere(request, isOwn);
    if (needsOrigin(request) && !mayAct) {
      throw new DomainError("FORBIDDEN", "This request came from a page of another site, which may not do that.");
    }
    const scheme = trusted ? lastOf(headers["x-forwarded-proto"])?.toLowerCase() : undefined;
    return {
      address: trusted ? clientAddress(peer, headers["x-forwarded-for"], isTrusted) : peer,
      isSecure: scheme === undefined ? publicUrl?.protocol === "https:" && host === publicUrl.host : scheme === "https",
      // A browser names the origin of the page with each request that may change something, and no script can change
      // that. Programs name none.
      isFromPage: isOwn || (origin === undefined && headers["sec-fetch-site"] === "same-origin"),
      foreignOrigin,
    };
  };
}

function throughProxy(auth: ShellSettings["AUTH"], peer: string): string {
  return auth === "none"
    ? "This request came through a proxy, and AUTH=none trusts only clients on this machine. Send it directly."
    : `This request came through the proxy ${peer}, which TRUST_PROXY does not name. Add it there, or send it directly.`;
}

interface Route {
  hosts: number;
  /** A proxy says whom it asks for. */
  forwarded: boolean;
  /** A proxy says that it was there. It may be the client's own, on its way out. */
  via: boolean;
}

/** `rawHeaders` holds names and values in turn, as they were sent. Hazard: `headers` would hide a second Host. */
function readRoute(rawHeaders: readonly string[]): Route {
  const route = { hosts: 0, forwarded: false, via: false };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (name === "host") route.hosts += 1;
    else if (name === "via") route.via = true;
    else if (name === "forwarded" || name === "x-real-ip" || name.startsWith("x-forwarded-")) route.forwarded = true;
  }
  return route;
}

/** What all requests of a connection have in common. */
interface Connection extends Served {
  /** The address of the client, or of the proxy in front of it. */
  peer: string;
  /** The peer is a proxy that may say who asked it. */
  trusted: boolean;
}

/** Looks at a connection once. */
function connections(settings: ShellSettings, isTrusted: Trust): (socket: Socket) => Connection {
  const served = servedNames(settings);
  const known = new WeakMap<Socket, Connection>();
  return (socket) => {
    let connection = known.get(socket);
    if (connection === undefined) {
      const peer = plainAddress(socket.remoteAddress ?? "") ?? "";
      const names = served(socket.localAddress ?? "", socket.localPort ?? 0);
      connection = { peer, trusted: isTrusted(peer, 0), ...names };
      known.set(socket, connection);
    }
    return connection;
  };
}

interface Served {
  hosts: ReadonlySet<string>;
  origins: ReadonlySet<string>;
}

/** The names of this service, for a connection to this address and port of the machine. */
type ServedNames = (address: string, port: number) => Served;

/**
 * With accounts a client may also use the address that it is connected to, as health checks of load balancers do. No
 * stranger's name is an address.
 */
function servedNames({ AUTH, PUBLIC_URL }: ShellSettings): ServedNames {
  const byAddress = new Map<string, Served>();
  return (address, port) => {
    const key = `${address} ${port}`;
    const known = byAddress.get(key);
    if (known !== undefined) return known;
    const names = [...LOOPBACK_NAMES];
    const own = AUTH === "none" ? null : plainAddress(address);
    // A URL cannot name the interface of a link-local address.
    if (own !== null && !own.includes("%")) names.push(addressInUrl(own));
    const urls = names.map((name) => new URL(`http://${name}:${port}`));
    if (PUBLIC_URL !== undefined) urls.push(new URL(PUBLIC_URL));
    const served = { hosts: new Set(urls.map((url) => url.host)), origins: new Set(urls.map((url) => url.origin)) };
    byAddress.set(key, served);
    return served;
  };
}

/** Whether the `hop`th proxy may say who asked it. Hop 0 is the one that is connected to this service. */
type Trust = (address: string, hop: number) => boolean;

function trustOf(trusted: ShellSettings["TRUST_PROXY"]): Trust {
  if (trusted === undefined) return () => false;
  if (typeof trusted === "number") return (_address, hop) => hop < trusted;
  const list = addressList(trusted);
  return (address) => list.has(address);
}

/**
 * Each proxy appends the address of its client. So the list is read from its end, up to the first address that is no
 * trusted proxy: what stands before it is the word of a stranger.
 */
function clientAddress(peer: string, forwardedFor: string | string[] | undefined, isTrusted: Trust): string {
  let address = peer;
  const told = String(forwardedFor ?? "").split(",");
  for (let hop = 0; hop < told.length && isTrusted(address, hop); hop += 1) {
    const next = plainAddress((told[told.length - 1 - hop] as string).trim());
    if (next === null) break;
    address = next;
  }
  return address;
}

/** The entry of the nearest proxy, in a header to which each may append one. */
function lastOf(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? "")
      .split(",")
      .at(-1)
      ?.trim() || undefined
  );
}

function needsOrigin(request: IncomingMessage): boolean {
  return (
    !SAFE_METHODS.has(request.method ?? "") ||
    request.headers.upgrade !== undefined ||
    (request.headers.accept ?? "").includes("text/event-stream")
  );
}

/** Programs send neither header. Browsers send at least one of them with each request that is checked here. */
function isFromHere({ headers }: IncomingMessage, isOwnOrigin: boolean): boolean {
  if (headers.origin !== undefined && !isOwnOrigin) return false;
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" || site === "none";
}
