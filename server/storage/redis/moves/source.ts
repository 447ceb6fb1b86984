import type {
  MovedClaim,
  MovedMessage,
  MovedRest,
  MovedState,
  MovedSubscription,
  QueueLife,
  QueueTransfer,
} from "../../moves/queue-transfer.ts";
import { readTally } from "../../queue-totals.ts";
import { CLAIM_RECORD, type ClaimFields, type ClaimParts, HELD_BY } from "../claims/records.ts";
import { TALLY_FIELDS } from "../counters.ts";
import { CONTENT_PARTS, SUBSCRIPTION_PARTS } from "../keys.ts";
import {
  type MessageFields,
  orNone,
  RECORD,
  readCarried,
  readDeadLettered,
  readFields,
  readMessageFields,
  readWord,
} from "../messages/records.ts";
import { CALL, ENTER_ATTEMPT, FORGET_MOVE, LIFE, QUEUE, QUEUE_ROW, RETIRE, SCHEDULE } from "../queue-lua.ts";
import type { CallArgs, QueueRows } from "../queue-rows.ts";
import { type ArgsOf, answers, type KeysOf, piece, type Script, script, table } from "../server/script.ts";
import { list, number, numeral, text } from "../server/script-parameters.ts";
import type { Answered } from "../server/scripts.ts";
import { SLICES } from "../server/shared-lua.ts";
import {
  DROP_SUBSCRIPTIONS,
  REQUIRE_LIVE_SUBSCRIPTIONS,
  SUBSCRIPTIONS,
  type SubscriptionParts,
} from "../subscriptions/records.ts";
import { ATTEMPT, READ_BYTES, until } from "./attempt.ts";
import { keyReader } from "./keys.ts";

/**
 * Begins an attempt, which must be newer than the last one. A queue that does not live here (deleted, or never used) is
 * frozen from the start. Its epoch is kept as a tombstone, so that nobody takes the queue for a live one.
 */
const BEGIN = script("begin a move", {
  effect: "grows",
  keys: QUEUE,
  args: ATTEMPT,
  uses: [QUEUE_ROW, FORGET_MOVE],
  answers: answers<["ok"]>(),
  lua: `
local tombstone, fence, left = unpack(redis.call('HMGET', ROW, 'tombstone', 'fence', 'left'))
if epoch and epoch ~= caller_epoch then return {'stale'} end
if not epoch and left and tonumber(left) >= tonumber(caller_epoch) then return {'stale'} end
if not epoch and tombstone and tonumber(tombstone) > tonumber(caller_epoch) then return {'stale'} end
if fence and tonumber(fence) >= tonumber(attempt) then return {'stale'} end
forget_move()
redis.call('HSET', ROW, 'moving', attempt, 'fence', attempt)
if not epoch then redis.call('HSET', ROW, 'tombstone', caller_epoch, 'frozen', '1') end
return {'ok'}`,
});

/** Messages above the marker `after`. Whatever is due has expired before, so all messages are live. */
const READ_MESSAGES = script("read messages to move", {
  effect: "reads",
  keys: QUEUE,
  args: { ...ATTEMPT, after: text, limit: numeral },
  uses: [ENTER_ATTEMPT, SLICES, RECORD],
  answers: answers<["ok", now: string, messages: [id: string, record: string, body: string][]]>(),
  lua: `
local ids = redis.call('ZRANGEBYSCORE', ORDER, '(' .. after, '+inf', 'LIMIT', 0, limit)
local read, bytes = {}, 0
for some in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    if bytes < ${READ_BYTES} then
      local body = redis.call('HGET', BODIES, some[index])
      bytes = bytes + #body
      read[#read + 1] = {some[index], named(record), body}
    end
  end
end
return {'ok', NOW, read}`,
});

/**
 * Removes notes and returns the state of their messages. A later change is noted again. A message that was removed and
 * came back under its id has another marker, so the noted marker counts as removed.
 */
const TAKE_CHANGES = script("take notes of changes", {
  effect: "writes",
  keys: QUEUE,
  args: { ...ATTEMPT, limit: numeral },
  uses: [ENTER_ATTEMPT, SLICES, RECORD],
  answers: answers<["ok", now: string, changed: string[], removed: string[], taken: number]>(),
  lua: `
local markers, ids, changed, removed = {}, {}, {}, {}
for index, noted in ipairs(redis.call('SPOP', NOTES, limit)) do
  markers[index], ids[index] = string.match(noted, '^(%S+) (%S+)$')
end
for some, first in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    local marker = markers[first + index - 1]
    if record and read_record(record).marker == marker then
      changed[#changed + 1] = named(record)
    else
      removed[#removed + 1] = marker
    end
  end
end
return {'ok', NOW, changed, removed, #ids}`,
});

const FREEZE = script("freeze a queue", {
  effect: "grows",
  keys: QUEUE,
  args: ATTEMPT,
  uses: [ENTER_ATTEMPT],
  answers: answers<["ok"]>(),
  lua: `
redis.call('HSET', ROW, 'frozen', '1')
return {'ok'}`,
});

/** A claim as `describe_claim` returns it, then the markers of the messages that it delivered and still holds. */
type MovedClaimParts = [...ClaimParts, markers: string];

const DESCRIBE_CLAIMS = piece(
  "claims to move",
  { pieces: [CLAIM_RECORD, HELD_BY], keys: ["CLAIMS"] },
  `
local function describe_claims(ids)
  local claims = {}
  for _, id in ipairs(ids) do
    local record, taken = unpack(redis.call('HMGET', CLAIMS, id, id .. ' held'))
    local claim, markers = describe_claim(id, record), {}
    if claim then
      for index, message in ipairs(held_by(id, taken)) do markers[index] = message.record.marker end
      claim[#claim + 1] = table.concat(markers, ' ')
      claims[#claims + 1] = claim
    end
  end
  return claims
end
`,
);

const READ_CLAIMS = script("read claims to move", {
  effect: "reads",
  keys: QUEUE,
  args: { ...ATTEMPT, after: text, limit: numeral },
  uses: [ENTER_ATTEMPT, DESCRIBE_CLAIMS],
  answers: answers<["ok", now: string, claims: MovedClaimParts[]]>(),
  lua: `
local from = after == '' and '-' or '(' .. after
return {'ok', NOW, describe_claims(redis.call('ZRANGEBYLEX', CLAIM_IDS, from, '+', 'LIMIT', 0, limit))}`,
});

const READ_CLAIMS_BY_ID = script("read claims to move by id", {
  effect: "reads",
  keys: QUEUE,
  args: { ...ATTEMPT, ids: list(text) },
  uses: [ENTER_ATTEMPT, DESCRIBE_CLAIMS],
  answers: answers<["ok", now: string, claims: MovedClaimParts[]]>(),
  lua: "return {'ok', NOW, describe_claims(ids)}",
});

/** Stale unless frozen: a replica that took over without the freeze must not count as frozen. */
const READ_REST = script("read the rest to move", {
  effect: "reads",
  keys: QUEUE,
  args: ATTEMPT,
  uses: [ENTER_ATTEMPT],
  answers:
    answers<
      [
        "ok",
        lowWater: string,
        highestMarker: string,
        claims: number,
        tally: readonly (string | null)[],
        lifeSeconds: string,
      ]
    >(),
  lua: `
local frozen, low, last = unpack(redis.call('HMGET', ROW, 'frozen', 'low', 'last'))
if not frozen then return {'stale'} end
local tally = redis.call('HMGET', ROW, ${TALLY_FIELDS})
return {'ok', low or '0', last or '0', redis.call('ZCARD', CLAIM_IDS), tally, history or '0'}`,
});

const READ_SUBSCRIPTIONS = script("read subscriptions to move", {
  effect: "reads",
  keys: SUBSCRIPTIONS,
  args: { offset: number },
  uses: [REQUIRE_LIVE_SUBSCRIPTIONS],
  answers: answers<["ok", now: string, found: SubscriptionParts[]]>(),
  lua: `
local found = {}
for index, id in ipairs(redis.call('ZRANGE', IDS, 0, -1)) do found[index] = describe(find(id)) end
return {'ok', NOW, found}`,
});

/** Answers whether the queue is here and an attempt to move it ever began. The freeze of a later attempt stays. */
const THAW = script("thaw a queue", {
  effect: "writes",
  keys: QUEUE,
  args: ATTEMPT,
  uses: [QUEUE_ROW, SCHEDULE, FORGET_MOVE],
  answers: answers<["ok", isHere: 0 | 1]>(),
  lua: `
local tombstone, fence = unpack(redis.call('HMGET', ROW, 'tombstone', 'fence'))
if (epoch or tombstone) ~= caller_epoch or not fence then return {'ok', 0} end
if tonumber(fence) > tonumber(attempt) then return {'ok', 1} end
forget_move()
redis.call('HSET', ROW, 'fence', attempt)
if not epoch then schedule(now) end
return {'ok', 1}`,
});

/** Ends the queue here. It lives in the pool to which it moved. */
const LEAVE = script("leave a queue", {
  effect: "writes",
  keys: { ...QUEUE, retiredContent: table(CONTENT_PARTS), subscriptions: table(SUBSCRIPTION_PARTS) },
  args: { ...CALL, retiredName: text },
  uses: [LIFE, QUEUE_ROW, RETIRE, FORGET_MOVE, DROP_SUBSCRIPTIONS],
  answers: answers<["ok"]>(),
  lua: `
if (epoch or redis.call('HGET', ROW, 'tombstone')) ~= caller_epoch then return {'ok'} end
retire()
forget_move()
end_life(ROW)
redis.call('HDEL', ROW, 'fence')
redis.call('HSET', ROW, 'left', caller_epoch)
drop_subscriptions()
return {'ok'}`,
});

type Attempt = { queue: QueueLife; moveEpoch: number };
type SourceHalf = Pick<
  QueueTransfer,
  "begin" | "readMessages" | "takeChanges" | "readKeys" | "freeze" | "readClaims" | "readRest" | "thaw" | "leave"
>;

/**
 * The source's half of a move: see QueueTransfer. Each script is one step, so a freeze has nothing to wait for. Hazard:
 * a replica that takes over may lack the last writes, among them a freeze. That holds for everything that Redis
 * acknowledges.
 */
export class MoveSource implements SourceHalf {
  readonly #queues: QueueRows;
  readonly readKeys: QueueTransfer["readKeys"];

  constructor(queues: QueueRows) {
    this.#queues = queues;
    this.readKeys = keyReader(queues);
  }

  async begin(params: Attempt): Promise<void> {
    await this.#call(params, BEGIN, {});
  }

  async readMessages(params: Attempt & { after: string; limit: number }): Promise<MovedMessage[]> {
    const { after, limit } = params;
    const [, now, messages] = await this.#call(params, READ_MESSAGES, { after, limit });
    return messages.map(([id, record, carried]) => {
      const fields = readMessageFields(record);
      return {
        ...stateOf(fields, now),
        ...readCarried(carried),
        id,
        deadLettered: readDeadLettered(fields),
        clientId: readWord(fields.client),
        ageMs: until(now, fields.created),
      };
    });
  }

  async takeChanges(
    params: Attempt & { limit: number },
  ): Promise<{ changed: MovedState[]; gone: string[]; more: boolean }> {
    const [, now, records, removed, taken] = await this.#call(params, TAKE_CHANGES, { limit: params.limit });
    const changed = records.map((record) => stateOf(readMessageFields(record), now));
    return { changed, gone: removed, more: taken === params.limit };
  }

  /** Freezes at once, so it ignores `deadlineMs`. */
  async freeze(params: Attempt & { deadlineMs: number }): Promise<void> {
    await this.#queues.counters.flush();
    await this.#call(params, FREEZE, {});
  }

  async readClaims(
    params: Attempt & ({ after: string; limit: number } | { ids: readonly string[] }),
  ): Promise<MovedClaim[]> {
    const [, now, claims] =
      "ids" in params
        ? await this.#call(params, READ_CLAIMS_BY_ID, { ids: params.ids })
        : await this.#call(params, READ_CLAIMS, { after: params.after, limit: params.limit });
    return claims.map(([id, record, markers]) => {
      const { created, renewed, ends, ttl, grace, client, actor } = readFields<ClaimFields>(record);
      return {
        id,
        clientId: readWord(client),
        actor: readWord(actor),
        ttlSeconds: Number(ttl),
        graceSeconds: Number(grace),
        markers: markers.split(" ").filter((marker) => marker !== ""),
        ageMs: until(now, created),
        sinceRenewalMs: until(now, renewed),
        remainingMs: until(ends, now),
      };
    });
  }

  async readRest(params: Attempt): Promise<MovedRest> {
    const [, lowWater, highestMarker, claims, tally, lifeSeconds] = await this.#call(params, READ_REST, {});
    const { keys, scripts } = this.#queues;
    const subscriptionKeys = { subscriptions: keys.subscriptions(params.queue) };
    const args = { offset: this.#queues.offset() };
    const [, now, found] = await scripts.runToEnd(READ_SUBSCRIPTIONS, subscriptionKeys, args);
    const subscriptions: MovedSubscription[] = found.map((parts) => {
      const [id, created, renewed, ends, ttl, confirmed, subscriber, optionsText] = parts;
      return {
        id,
        subscriber,
        ttlSeconds: Number(ttl),
        optionsText,
        confirmed: confirmed === "1",
        ageMs: until(now, created),
        sinceRenewalMs: until(now, renewed),
        remainingMs: until(ends, now),
      };
    });
    return {
      lowWater,
      highestMarker,
      tally: readTally(tally),
      claims,
      lifeSeconds: Number(lifeSeconds),
      subscriptions,
    };
  }

  async thaw(params: Attempt): Promise<boolean> {
    const [, isHere] = await this.#call(params, THAW, {});
    return isHere === 1;
  }

  async leave({ queue }: { queue: QueueLife }): Promise<void> {
    const { retiredName, retiredContent } = this.#queues.newRetirement(queue);
    const keys = { retiredContent, subscriptions: this.#queues.keys.subscriptions(queue) };
    await this.#queues.call(queue, LEAVE, { retiredName }, { keys });
  }

  #call<Args extends ArgsOf<typeof BEGIN>, Answer extends Answered>(
    { queue, moveEpoch }: Attempt,
    script: Script<KeysOf<typeof QUEUE>, Args, Answer>,
    args: Omit<Args, keyof ArgsOf<typeof BEGIN>>,
  ): Promise<Answer> {
    const all = { attempt: moveEpoch, ...args } as unknown as Omit<Args, keyof CallArgs>;
    return this.#queues.call(queue, script, all);
  }
}

function stateOf(fields: MessageFields, now: string): MovedState {
  const claimId = orNone(fields.claim);
  const { ends = "0", available = "0" } = fields;
  return {
    marker: fields.marker,
    ttlSeconds: Number(fields.ttl),
    claimCount: Number(fields.count ?? 0),
    claimId,
    // What has expired was counted before.
    claimRemainingMs: Number(ends) > Number(now) ? until(ends, now) : null,
    remainingMs: until(fields.expires, now),
    delayMs: Number(available) > Number(now) ? until(available, now) : null,
    lastHolder: readWord(fields.holder),
    lastDelivery: fields.last ?? null,
  };
}
