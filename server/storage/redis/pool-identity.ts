/** The store's identity (see StoreFacts), in a key of its own. */
import { randomUUID } from "node:crypto";
import type { PoolKeys } from "./keys.ts";
import { ANSWER_TIMEOUT_MS } from "./server/connection.ts";
import { answers, locals, script } from "./server/script.ts";
import { text } from "./server/script-parameters.ts";
import type { Scripts } from "./server/scripts.ts";

/**
 * Writes `identity` unless there is one. Allowed on a full server too, which must be opened before it can be emptied.
 */
const KEEP = script("keep the identity", {
  effect: "writes",
  keys: { store: locals(["identity"]) },
  args: { identity: text },
  answers: answers<["found" | "written", identity: string]>(),
  lua: `
local known = redis.call('GET', IDENTITY)
if known then return {'found', known} end
redis.call('SET', IDENTITY, identity)
return {'written', identity}`,
});

/** Writes and deletes in one step, so that nobody sees the key and none is left. */
const TRY = script("try to write", {
  effect: "writes",
  keys: { store: locals(["trial"]) },
  args: {},
  answers: answers<["ok"]>(),
  lua: `
redis.call('SET', TRIAL, '1')
redis.call('DEL', TRIAL)
return {'ok'}`,
});

/** Returns the store's identity, or null. Works on a replica too, which takes no writes. */
export async function findIdentity(scripts: Scripts, keys: PoolKeys): Promise<string | null> {
  const key = keys.identity[0] as string;
  const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
  const known = await scripts.link.send(key, ["GET", key], options);
  return typeof known === "string" ? known : null;
}

/** Returns the store's identity, and creates one if there is none. Concurrent callers get the same one. */
export async function readIdentity(scripts: Scripts, keys: PoolKeys): Promise<string> {
  const known = await findIdentity(scripts, keys);
  return known ?? (await keepIdentity(scripts, keys, `redis:${randomUUID()}`)).identity;
}

/** STORAGE_UNAVAILABLE when the server does not permit to write a pool's keys. */
export async function tryToWrite(scripts: Scripts, keys: PoolKeys): Promise<void> {
  await scripts.run(TRY, { store: keys.trial }, {});
}

/**
 * Writes `identity` again if the server has lost it with its memory. Returns the identity that the store now has.
 * `missing`: there was none.
 */
export async function keepIdentity(
  scripts: Scripts,
  keys: PoolKeys,
  identity: string,
): Promise<{ identity: string; missing: boolean }> {
  const [verdict, kept] = await scripts.run(KEEP, { store: keys.identity }, { identity });
  return { identity: kept, missing: verdict === "written" };
}
