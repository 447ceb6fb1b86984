/** Removes all messages of a queue in one step, or those before a bound in steps. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../../errors.ts";
import type { MessageController } from "../../data-driver.ts";
import { WORTH_SENDING_MS } from "../../deadlines/call-deadlines.ts";
import { tooBusy } from "../../errors/storage-errors.ts";
import { keyReused, PURGED, PURGING, purgeDigest, readPurge } from "../../idempotency.ts";
import { numberMarker } from "../../list-pages.ts";
import { COUNT_HELD, DECREMENT_HELD } from "../claims/records.ts";
import { KEPT_KEYS } from "../kept-keys-lua.ts";
import { PURGED_PARTS } from "../keys.ts";
import { CALL, ENTER, PUT_AWAY, QUEUE, QUEUE_ROW, REMOVE, REQUIRE_LIVE, SCHEDULE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, piece, script, table } from "../server/script.ts";
import { number, optionalText, text } from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { CLOCK, EXPIRE_STEP } from "../server/shared-lua.ts";
import { KEEP_DELETED } from "../undo/lua.ts";
import { LAST_BEFORE } from "./last-before.ts";

/**
 * Puts the queue's content away, except its idempotency keys, and returns how many live messages it had. A mover hears
 * of it through the row: nothing is noted for the messages.
 */
const PURGE_ALL = piece(
  "purge all",
  {
    pieces: [CLOCK, QUEUE_ROW, PUT_AWAY, SCHEDULE],
    keys: ["ROW", "ORDER", "EXPIRY", "CLAIMED", "RETIRED", "purged"],
    args: ["name", "undoable"],
  },
  `
local function note_undo()
  if undoable == 0 then
    redis.call('HDEL', ROW, 'undo')
  else
    redis.call('HSET', ROW, 'undo', name .. ' ' .. (redis.call('HGET', ROW, 'purged-at') or ''))
  end
end
local function purge_all()
  local expired = redis.call('ZCOUNT', EXPIRY, '-inf', NOW)
  local count = redis.call('ZCARD', ORDER) - expired
  redis.call('HINCRBY', ROW, 'deleted', count)
  redis.call('HINCRBY', ROW, 'expired', expired)
  redis.call('HINCRBY', ROW, 'lapsed', redis.call('ZCOUNT', CLAIMED, '-inf', NOW))
  if put_away(purged) then
    redis.call('ZADD', RETIRED, NOW, 'purged:' .. name)
    schedule(now)
  end
  note_undo()
  if history then redis.call('HSET', ROW, 'purged-at', NOW) end
  if moving then redis.call('HSET', ROW, 'low', last_marker or '0') end
  return count
end
`,
);

const KEYS = { ...QUEUE, purged: table(PURGED_PARTS) };
/** `name`: that of the content which is put away; if it is undoable (1), the token. */
const ARGS = { ...CALL, idempotencyKey: optionalText, digest: text, name: text, undoable: number };
/** `repeated`: what is kept of an earlier call with the key. */
type Repeated = ["reused"] | ["repeated", kept: string];

const PURGE = script("purge a queue", {
  effect: "writes",
  keys: KEYS,
  args: ARGS,
  uses: [REQUIRE_LIVE, PURGE_ALL, KEPT_KEYS],
  answers: answers<["ok", messages: number] | Repeated>(),
  lua: `
if idempotency_key ~= '-' then
  local request, result = kept(idempotency_key)
  if request and request ~= digest then return {'reused'} end
  if request then return {'repeated', result} end
end
local count = purge_all()
if idempotency_key ~= '-' then keep(idempotency_key, digest, '${PURGED}' .. digits(count)) end
return {'ok', count}`,
});

/**
 * Removes the oldest messages, a step of them, with markers up to `up_to`; when that is empty, those created before
 * `created_before` (microseconds). Where nothing is left above, it puts all away at once, unless earlier runs have put
 * some away. `removed` counts those of earlier runs.
 *
 * Answers `some` while others are left, with the marker for the next run. With a key, each run also keeps that: a
 * repeat goes on where a crash ended, and removes nothing that was posted later.
 */
const PURGE_BEFORE = script("purge the beginning of a queue", {
  effect: "writes",
  keys: KEYS,
  args: { ...ARGS, upTo: text, createdBefore: number, removed: number },
  uses: [ENTER, TELL, PURGE_ALL, KEPT_KEYS, LAST_BEFORE, COUNT_HELD, REMOVE, DECREMENT_HELD, KEEP_DELETED],
  answers: answers<["ok" | "some", messages: number, upTo: string] | Repeated>(),
  lua: `
if idempotency_key ~= '-' then
  local request, result = kept(idempotency_key)
  if request and request ~= digest then return {'reused'} end
  if request then
    local bound, count = string.match(result, '^${PURGING}(%d+):(%d+)$')
    if not bound then return {'repeated', result} end
    up_to, removed = bound, tonumber(count)
  end
end
if up_to == '' then up_to = last_before(created_before) end
local verdict = 'ok'
if redis.call('ZCOUNT', ORDER, '(' .. up_to, '+inf') == 0 and redis.call('EXISTS', purged.order) == 0 then
  removed = removed + purge_all()
else
  local ids = redis.call('ZRANGEBYSCORE', ORDER, '-inf', up_to, 'LIMIT', 0, ${EXPIRE_STEP})
  if history then tell_ended(ids, 'purged') end
  count_all_held(ids)
  if undoable == 1 then keep_deleted(ids, purged, 'purged:' .. name) end
  if #ids > 0 then note_undo() end
  remove(ids)
  decrement_held(held_by)
  redis.call('HINCRBY', ROW, 'deleted', #ids)
  removed = removed + #ids
  if #ids == ${EXPIRE_STEP} then verdict = 'some' end
end
if idempotency_key ~= '-' then
  local state = verdict == 'ok' and '${PURGED}' or '${PURGING}' .. up_to .. ':'
  keep(idempotency_key, digest, state .. digits(removed))
end
return {verdict, removed, up_to}`,
});

type PurgeParams = Parameters<MessageController["purge"]>[0];
type Purged = Awaited<ReturnType<MessageController["purge"]>>;

export function purgeMessages(queues: QueueRows): MessageController["purge"] {
  function callOf({ queue, before, idempotencyKey, undoToken }: PurgeParams) {
    const name = undoToken ?? randomUUID();
    const undoable = undoToken === undefined ? 0 : 1;
    const purged = queues.keys.retired(queues.keys.row(queue)[0] as string, name, PURGED_PARTS);
    return { args: { idempotencyKey, digest: purgeDigest(before), name, undoable }, keys: { purged } };
  }

  function repeated({ idempotencyKey }: PurgeParams, answer: Repeated): Purged {
    if (answer[0] === "reused") throw keyReused(idempotencyKey as string);
    return { messages: readPurge(answer[1]).messages };
  }

  async function purgeAll(params: PurgeParams): Promise<Purged> {
    const { args, keys } = callOf(params);
    const answer = await queues.call(params.queue, PURGE, args, { keys });
    queues.counters.touch(params.queue);
    return answer[0] === "ok" ? { messages: answer[1] } : repeated(params, answer);
  }

  async function purgeBefore(params: PurgeParams, bound: { upTo: string; createdBefore: number }): Promise<Purged> {
    const { args, keys } = callOf(params);
    const deadline = callDeadline();
    let progress = { ...bound, removed: 0 };
    for (;;) {
      const { removed: before } = progress;
      if (before > 0 && deadline - performance.now() < WORTH_SENDING_MS) throw brokeOff(params, before, tooBusy());
      const answer = await queues
        .call(params.queue, PURGE_BEFORE, { ...args, ...progress }, { keys, deadline })
        .catch((error: unknown) => {
          throw before > 0 && error instanceof DomainError ? brokeOff(params, before, error) : error;
        });
      if (answer[0] === "reused" || answer[0] === "repeated") return repeated(params, answer);
      queues.counters.touch(params.queue);
      const [verdict, removed, upTo] = answer;
      if (verdict === "ok") return { messages: removed };
      progress = { ...progress, removed, upTo };
    }
  }

  return async (params) => {
    const { before } = params;
    if (before === undefined) return purgeAll(params);
    if ("time" in before) return purgeBefore(params, { upTo: "", createdBefore: before.time.getTime() * 1000 });
    const marker = BigInt(numberMarker(before.marker, "before"));
    return purgeBefore(params, { upTo: (marker === 0n ? 0n : marker - 1n).toString(), createdBefore: 0 });
  };
}

/**
 * The error of a purge that has removed `messages` and is not done. One of a queue that moves stays as it is if there
 * is a key: whoever finds the queue again repeats the call, and the key knows what was removed. Without one, a repeat
 * that nobody sees would return too low a number.
 */
function brokeOff({ idempotencyKey }: PurgeParams, messages: number, error: DomainError): DomainError {
  const hasMoved = error.code === "QUEUE_IS_MOVING" || error.code === "QUEUE_EPOCH_STALE";
  if (hasMoved && idempotencyKey !== undefined) return error;
  const removed =
    error.code === "OUTCOME_UNKNOWN"
      ? `At least the oldest ${messages} messages were removed.`
      : `The oldest ${messages} messages were removed, and there are more before the bound.`;
  const repeat =
    idempotencyKey === undefined
      ? "Repeat the call to remove the rest; it then counts only the rest."
      : "Repeat the call with the same idempotencyKey to remove the rest.";
  return new DomainError(hasMoved ? "DEADLINE_EXCEEDED" : error.code, `${removed} ${repeat}`, {
    details: { ...error.details, messages, partial: true },
    cause: error,
  });
}
