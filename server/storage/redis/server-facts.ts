/** What the servers of a Redis or Valkey are like, for people who look after them. Only reads. */
import type { StorageSpace } from "../driver-health.ts";
import type { ServerClock } from "../server-clock.ts";
import { PoolKeys } from "./keys.ts";
import { findIdentity } from "./pool-identity.ts";
import { parseRedisUri } from "./server/address.ts";
import { RedisCluster, SingleServer } from "./server/cluster.ts";
import { ANSWER_TIMEOUT_MS } from "./server/connection.ts";
import { translateRedisError } from "./server/errors.ts";
import { inspectServers, memorySpace } from "./server/inspection.ts";
import { Scripts } from "./server/scripts.ts";

export interface RedisFacts {
  /** Which store a pool with this URI is: see StoreFacts. Null when none was ever used, or this user may not read it. */
  identity: string | null;
  /** Each version once. Valkey tells the Redis with which it is compatible. */
  versions: string[];
  /** Every change is on disk before it is answered. */
  durable: boolean;
  /** It drops keys when its memory is full. */
  evicts: boolean;
  /** Each maxmemory-policy once; none when the servers do not tell. */
  policies: string[];
  /** Some server writes nothing to its disk by itself, neither a log nor snapshots. False when they do not tell. */
  volatile: boolean;
  /** Of each server. */
  clocks: ServerClock[];
  /** Below maxmemory; null without such a limit. */
  space: StorageSpace | null;
}

/** BAD_INPUT, NOT_SUPPORTED for an old server, STORAGE_UNAVAILABLE. */
export async function readRedisFacts(uri: string): Promise<RedisFacts> {
  const address = parseRedisUri(uri);
  const link = address.cluster
    ? new RedisCluster(address, () => undefined)
    : new SingleServer(address, () => undefined);
  const options = () => ({ wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS });
  // Hosted servers often lack administrators' commands.
  const settings = async (pattern: string) =>
    (await link.sendToAll(["CONFIG", "GET", pattern], options()).catch(() => [])).map((answer) => {
      const parts = (Array.isArray(answer) ? answer : []).map(String);
      return Object.fromEntries(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? ""]] : [])));
    });
  try {
    const { durable, evicts } = await inspectServers(link);
    const asked = Date.now();
    const times = await link.sendToAll(["TIME"], options());
    const answered = Date.now();
    const servers = await link.sendToAll(["INFO", "server"], options()).catch(() => []);
    const [identity, memories, logs, snapshots, space] = await Promise.all([
      findIdentity(new Scripts(link), new PoolKeys(address.prefix)).catch(() => null),
      settings("maxmemory-policy"),
      settings("appendonly"),
      settings("save"),
      memorySpace(link).catch(() => null),
    ]);
    const version = (text: unknown) => /^redis_version:(\S+)/m.exec(String(text))?.[1] ?? [];
    return {
      identity,
      versions: [...new Set(servers.flatMap(version))],
      durable,
      evicts,
      policies: [...new Set(memories.flatMap((one) => one["maxmemory-policy"] ?? []))],
      volatile: logs.some((one, at) => one.appendonly === "no" && snapshots[at]?.save === ""),
      clocks: times.map((time) => {
        const [seconds, micros] = time as [string, string];
        return { now: Number(seconds) * 1000 + Number(micros) / 1000, asked, answered };
      }),
      space,
    };
  } catch (error) {
    throw translateRedisError(error, { sent: false, wrote: false });
  } finally {
    link.close();
  }
}
