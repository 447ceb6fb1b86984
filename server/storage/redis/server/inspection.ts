import { DomainError } from "../../../errors.ts";
import type { StorageSpace } from "../../driver-health.ts";
import type { RedisLink } from "./cluster.ts";
import { ANSWER_TIMEOUT_MS, isServerError } from "./connection.ts";

/** The oldest version in which a script can declare that it runs on a full server. */
const OLDEST_REDIS = 7;

/**
 * Asks the servers for their version and settings. BAD_INPUT when a single server belongs to a cluster. NOT_SUPPORTED
 * when a server is too old.
 *
 * - `durable`: every server writes each change to its disk before it answers.
 * - `evicts`: a server drops keys, and messages with them, when its memory is full.
 *
 * A server that does not tell this user counts as not durable and not evicting.
 */
export async function inspectServers(link: RedisLink): Promise<{ durable: boolean; evicts: boolean }> {
  const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
  const ask = (command: readonly string[]) =>
    link.sendToAll(command, options).catch((error: unknown) => {
      // Hosted servers often lack administrators' commands.
      if (isServerError(error) && /^(NOPERM|ERR unknown command)/.test(error.message)) return [];
      throw error;
    });

  for (const information of await ask(["INFO", "server"])) {
    if (!link.isCluster && /^redis_mode:cluster/m.test(String(information))) {
      throw new DomainError("BAD_INPUT", "This server is part of a Redis Cluster. Add ?cluster=true to the URI.");
    }
    // Valkey names the version of Redis with which it is compatible.
    const version = /^redis_version:(\d+)/m.exec(String(information))?.[1];
    if (version !== undefined && Number(version) < OLDEST_REDIS) {
      throw new DomainError("NOT_SUPPORTED", "This server is too old: a pool needs Redis 7 or Valkey, or newer.");
    }
  }

  const disks = (await ask(["CONFIG", "GET", "append*"])).map(settingsOf);
  const memories = (await ask(["CONFIG", "GET", "maxmemory*"])).map(settingsOf);
  return {
    durable:
      disks.length > 0 &&
      disks.every((disk) => disk.get("appendonly") === "yes" && disk.get("appendfsync") === "always"),
    // The `volatile-` policies evict keys with an expiry only, and ours have none.
    evicts: memories.some(
      (memory) => memory.get("maxmemory") !== "0" && memory.get("maxmemory-policy")?.startsWith("allkeys") === true,
    ),
  };
}

/** Reads a list of names and values in turn. */
function settingsOf(answer: unknown): Map<string, string> {
  const parts: readonly unknown[] = Array.isArray(answer) ? answer : [];
  const settings = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) settings.set(String(parts[at]), String(parts[at + 1]));
  return settings;
}

/** Room below maxmemory, of the server that has the least. Null when no server has such a limit. */
export async function memorySpace(link: RedisLink): Promise<StorageSpace | null> {
  const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
  const spaces = (await link.sendToAll(["INFO", "memory"], options)).flatMap((information) => {
    const [used, maximum] = ["used_memory", "maxmemory"].map((name) =>
      Number(new RegExp(`^${name}:(\\d+)`, "m").exec(String(information))?.[1] ?? 0),
    ) as [number, number];
    return maximum === 0 ? [] : [{ freeBytes: Math.max(0, maximum - used), totalBytes: maximum }];
  });
  const [least = null] = spaces.sort((a, b) => a.freeBytes - b.freeBytes);
  return least;
}
