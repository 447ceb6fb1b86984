/** The address of a Redis or Valkey, from a pool's URI. */
import { badUri, DEFAULT_REDIS_PREFIX, decoded, parsePoolUri } from "../../pool-uri.ts";

export interface ServerAddress {
  host: string;
  port: number;
}

export interface RedisAddress extends ServerAddress {
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
  database: number;
  /** Put in front of every key, so that several pools can share a server. */
  prefix: string;
  /** True: the server belongs to a Redis Cluster, and tells which the others are. */
  cluster: boolean;
}

/** No braces: they would change which part of a key decides its slot in a cluster. */
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;

/** Redis reads its number of databases as a C int. */
const MAX_DATABASE = 2 ** 31 - 2;

/**
 * The only options. Hazard: an option that changes which store a URI names must be known to pool-uri.ts too, which
 * compares stores.
 */
const OPTIONS = ["prefix", "cluster"];

/**
 * Reads `redis://USER:PASSWORD@HOST:PORT/NAME`; also `rediss:`, `valkey:` and `valkeys:`. A NAME of digits is the
 * database. Any other is the prefix of the keys, as is `?prefix=`. `?cluster=true` for a Redis Cluster. BAD_INPUT.
 */
export function parseRedisUri(uri: string): RedisAddress {
  const url = parsePoolUri(uri, OPTIONS);
  const path = decoded(url.pathname).replace(/^\/+|\/+$/g, "");
  const numbered = /^\d+$/.test(path);
  const named = numbered ? "" : path;
  const option = url.searchParams.get("prefix") ?? "";
  if (named !== "" && option !== "" && named !== option) throw badUri("it names two prefixes");
  const prefix = named || option || DEFAULT_REDIS_PREFIX;
  if (!PREFIX.test(prefix)) throw badUri("a prefix is 1 to 64 letters, digits, _, ., : and -");
  const clustered = url.searchParams.get("cluster") ?? "false";
  if (clustered !== "true" && clustered !== "false") throw badUri("cluster is true or false");
  const cluster = clustered === "true";
  const database = numbered ? Number(path) : 0;
  if (database > MAX_DATABASE) throw badUri(`a database is a number from 0 to ${MAX_DATABASE}`);
  if (cluster && database !== 0) throw badUri("a Redis Cluster has database 0 only");
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost",
    port: Number(url.port || 6379),
    tls: /^(rediss|valkeys):$/.test(url.protocol),
    username: decoded(url.username) || undefined,
    password: decoded(url.password) || undefined,
    database,
    prefix,
    cluster,
  };
}
