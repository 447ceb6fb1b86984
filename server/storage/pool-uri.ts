/** Pool URIs: checks them, tells whether two lead to the same store, and shows them without their secrets. */
import { DomainError } from "../errors.ts";

/** How the clients of one engine read a URI: its default port, and where it names the namespace. */
type Engine = { name: string; port: string; namespace: (uri: URL) => string };

/** In front of every key of a pool on Redis whose URI names no other. */
export const DEFAULT_REDIS_PREFIX = "isimud";

const postgres: Engine = {
  name: "postgres",
  port: "5432",
  // Without a database in the path PostgreSQL's clients use the one named after the user.
  namespace: (uri) =>
    `${pathOf(uri) || decoded(uri.username) || "postgres"}?schema=${uri.searchParams.get("schema") || "public"}`,
};
const redis: Engine = {
  name: "redis",
  port: "6379",
  // A path that is a number is the database; any other is the prefix of the keys, which the option says too.
  namespace: (uri) => {
    const path = pathOf(uri);
    const numbered = /^\d+$/.test(path);
    const prefix = (numbered ? "" : path) || uri.searchParams.get("prefix") || DEFAULT_REDIS_PREFIX;
    return `${numbered ? Number(path) : 0}?prefix=${prefix}`;
  },
};

const ENGINES: Record<string, Engine> = {
  "postgres:": postgres,
  "postgresql:": postgres,
  "redis:": redis,
  "rediss:": redis,
  "valkey:": redis,
  "valkeys:": redis,
};

/**
 * Parses a pool's URI. BAD_INPUT for an option that is not among `options`, and for a password that is not escaped: it
 * would be read as part of the host or path, and shown. The message states the rule and quotes nothing of the URI.
 */
export function parsePoolUri(uri: string, options: readonly string[]): URL {
  const parsed = parse(uri);
  if (/\s/.test(uri)) throw badUri("it has a space in it; write it as %20");
  if (parsed === null || parsed.port === "0")
    throw badUri(`it must read ${FORM}, with a port from 1 to 65535. ${ESCAPES}`);
  const afterHost = /^[^:]+:\/\/[^/?#]*(.*)$/.exec(uri)?.[1] ?? "";
  if (/[@#]/.test(afterHost)) throw badUri(`an @ or # stands where none may. ${ESCAPES}`);
  // A client ends the text there, and reads what follows as settings of the session.
  if (/%00/.test(uri)) throw badUri("it holds the character U+0000");
  for (const name of parsed.searchParams.keys()) {
    if (!options.includes(name)) throw badUri(`its only options are ${options.join(", ")}`);
  }
  return parsed;
}

const FORM = "SCHEME://USER:PASSWORD@HOST:PORT/NAME";
const ESCAPES = "In a user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25";

export function badUri(why: string): DomainError {
  return new DomainError("BAD_INPUT", `This URI cannot be used: ${why}.`, { details: { field: "uri" } });
}

/**
 * Returns the same text for URIs with the same server and namespace, whatever their user, password, options, variant
 * of the scheme, case of the host or default port. Never throws: any other text is a place of its own. The result holds
 * no password if the URI has the form `scheme://`.
 */
export function normalisePoolUri(uri: string): string {
  const parsed = parse(uri);
  if (parsed === null) return `unknown:${uri}`;
  const engine = ENGINES[parsed.protocol];
  if (engine === undefined) {
    return `${parsed.protocol}//${hostOf(parsed)}:${parsed.port}/${pathOf(parsed)}?${parsed.searchParams}`;
  }
  const port = parsed.searchParams.get("port") || parsed.port || engine.port;
  return `${engine.name}://${hostOf(parsed)}:${port}/${engine.namespace(parsed)}`;
}

/** The URI for people, with each secret as `***`. A text that is no URI is all `***`. */
export function maskPoolUri(uri: string): string {
  const parsed = parse(uri);
  if (parsed === null) return "***";
  const password = parsed.password === "" ? "" : ":***";
  const user = parsed.username === "" && password === "" ? "" : `${parsed.username}${password}@`;
  const port = parsed.port === "" ? "" : `:${parsed.port}`;
  const options = Array.from(
    new URLSearchParams(parsed.search),
    ([name, value]) => `${encodeURIComponent(name)}=${PUBLIC_OPTIONS.has(name) ? encodeURIComponent(value) : "***"}`,
  ).join("&");
  return `${parsed.protocol}//${user}${parsed.hostname}${port}${parsed.pathname}${options === "" ? "" : `?${options}`}`;
}

/** The scheme in lower case, without its colon, even if the rest is no URI. Null when there is none. */
export function schemeOf(uri: string): string | null {
  return SCHEME.exec(uri)?.[1]?.toLowerCase() ?? null;
}

/** Options that are shown. Any other may hold a secret. */
const PUBLIC_OPTIONS: ReadonlySet<string> = new Set(["schema", "prefix", "cluster", "host", "port", "sslmode"]);

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

function parse(uri: string): URL | null {
  return SCHEME.test(uri) && URL.canParse(uri) ? new URL(uri) : null;
}

function hostOf(uri: URL): string {
  const named = uri.searchParams.get("host") || decoded(uri.hostname);
  // A folder of Unix sockets, where case counts.
  if (named.startsWith("/")) return encodeURIComponent(named);
  const host = named.toLowerCase().replace(/\.$/, "");
  return host === "" || host === "[::1]" || host === "::1" || /^127(\.\d+){3}$/.test(host) ? "localhost" : host;
}

function pathOf(uri: URL): string {
  return decoded(uri.pathname).replace(/^\/+|\/+$/g, "");
}

/** A stray per cent sign stands for itself. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
