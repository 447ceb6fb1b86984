/** Which store this is, in a key of its own: see StoreFacts. */
import { randomUUID } from "node:crypto";
import type { PoolKeys } from "./keys.ts";
import { ANSWER_TIMEOUT_MS } from "./server/connection.ts";
import { type Scripts, script } from "./server/scripts.ts";

/** ARGV: 1 what it shall be if there is none. Also on a full server, which must be opened to be emptied. */
const KEEP = script(
  `local known = redis.call('GET', KEYS[1])
if known then return {known, 0} end
redis.call('SET', KEYS[1], ARGV[1])
return {ARGV[1], 1}`,
  "writes",
);

/** In one step, so that nobody sees it and nothing is left. */
const TRY = script("redis.call('SET', KEYS[1], '1') return {redis.call('DEL', KEYS[1])}", "writes");

/** Null when there is none. A replica, which takes no writes, has it too. */
export async function findIdentity(scripts: Scripts, keys: PoolKeys): Promise<string | null> {
  const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
  const known = await scripts.link.send(keys.identity, ["GET", keys.identity], options);
  return typeof known === "string" ? known : null;
}

/** Reads it, and draws one where there is none; of those who do that at once all get the same. */
export async function readIdentity(scripts: Scripts, keys: PoolKeys): Promise<string> {
  const known = await findIdentity(scripts, keys);
  return known ?? (await keepIdentity(scripts, keys, `redis:${randomUUID()}`)).identity;
}

/** STORAGE_UNAVAILABLE where a pool's keys may not be written. */
export async function tryToWrite(scripts: Scripts, keys: PoolKeys): Promise<void> {
  await scripts.run(TRY, [keys.trial], []);
}

/** Writes it again where it went away with the server's memory, and gives the one that holds. `missing`: there was none. */
export async function keepIdentity(
  scripts: Scripts,
  keys: PoolKeys,
  identity: string,
): Promise<{ identity: string; missing: boolean }> {
  const [kept, written] = await scripts.run(KEEP, [keys.identity], [identity]);
  return { identity: kept as string, missing: Number(written) === 1 };
}
