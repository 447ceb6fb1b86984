/** Which store this is, in a key of its own: see StoreFacts. */
import { randomUUID } from "node:crypto";
import type { PoolKeys } from "./keys.ts";
import { ANSWER_TIMEOUT_MS } from "./server/connection.ts";
import { answers, locals, script } from "./server/script.ts";
import { text } from "./server/script-parameters.ts";
import type { Scripts } from "./server/scripts.ts";

/** Keeps `identity` if there is none. Also on a full server, which must be opened to be emptied. */
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

/** In one step, so that nobody sees it and nothing is left. */
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

/** Null when there is none. A replica, which takes no writes, has it too. */
export async function findIdentity(scripts: Scripts, keys: PoolKeys): Promise<string | null> {
  const key = keys.identity[0] as string;
  const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
  const known = await scripts.link.send(key, ["GET", key], options);
  return typeof known === "string" ? known : null;
}

/** Reads it, and draws one where there is none; of those who do that at once all get the same. */
export async function readIdentity(scripts: Scripts, keys: PoolKeys): Promise<string> {
  const known = await findIdentity(scripts, keys);
  return known ?? (await keepIdentity(scripts, keys, `redis:${randomUUID()}`)).identity;
}

/** STORAGE_UNAVAILABLE where a pool's keys may not be written. */
export async function tryToWrite(scripts: Scripts, keys: PoolKeys): Promise<void> {
  await scripts.run(TRY, { store: keys.trial }, {});
}

/**
 * Writes it again where it went away with the server's memory, and gives the one that holds. `missing`: there was none.
 */
export async function keepIdentity(
  scripts: Scripts,
  keys: PoolKeys,
  identity: string,
): Promise<{ identity: string; missing: boolean }> {
  const [verdict, kept] = await scripts.run(KEEP, { store: keys.identity }, { identity });
  return { identity: kept, missing: verdict === "written" };
}
