import { DomainError } from "../../../errors.ts";
import { staleEpoch } from "../../errors/storage-errors.ts";
import { POP_PREFIX } from "../../idempotency.ts";
import type {
  MovedClaim,
  MovedKey,
  MovedMessage,
  MovedRest,
  MovedState,
  MovedSubscription,
  QueueLife,
  QueueTransfer,
} from "../../moves/queue-transfer.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { TALLIED } from "../../queue-totals.ts";
import { TALLY_FIELDS } from "../counters.ts";
import { CONTENT_PARTS, STAGING, SUBSCRIPTION_PARTS } from "../keys.ts";
import { carriedText, writeDeadLettered } from "../messages/records.ts";
import { CALL, CONTENT, FORGET_MOVE, LIFE, QUEUE, QUEUE_ROW, RETIRE, SCHEDULE } from "../queue-lua.ts";
import type { CallArgs, QueueRows } from "../queue-rows.ts";
import { answers, type KeysOf, piece, type Script, script, table } from "../server/script.ts";
import { flag, list, number, numeral, records, text, type ValuesOf } from "../server/script-parameters.ts";
import type { Answered } from "../server/scripts.ts";
import { CLOCK } from "../server/shared-lua.ts";
import { DROP_SUBSCRIPTIONS, SUBSCRIPTION_RECORD, SUBSCRIPTIONS_OF_QUEUE } from "../subscriptions/records.ts";
import { type CLAIM_FIELDS, PURGE_STAGING, type STATE_FIELDS, WRITE, WRITE_CLAIMS, WRITE_KEYS } from "./staging.ts";

/** Gives a staging up: gc frees it like retired content. */
const GIVE_UP_STAGING = piece(
  "give a staging up",
  { pieces: [CLOCK, SCHEDULE], keys: ["RETIRED"] },
  `
local function give_up_staging(arriving)
  redis.call('ZADD', RETIRED, NOW, 'queue:${STAGING}' .. arriving)
  schedule(now)
end
`,
);

/** Creates an empty staging for the caller's epoch, unless it has one already. Gives up a staging of an older epoch. */
const PREPARE = script("prepare a staging", {
  effect: "grows",
  keys: { ...QUEUE, staging: table(CONTENT_PARTS) },
  args: CALL,
  uses: [QUEUE_ROW, SCHEDULE, GIVE_UP_STAGING],
  answers: answers<["ok"]>(),
  lua: `
local arriving, tombstone = unpack(redis.call('HMGET', ROW, 'arriving', 'tombstone'))
local known = epoch or tombstone
if known and tonumber(known) >= tonumber(caller_epoch) then return {'stale'} end
if arriving and tonumber(arriving) > tonumber(caller_epoch) then return {'stale'} end
if arriving == caller_epoch then return {'ok'} end
if arriving then give_up_staging(arriving) end
for _, key in pairs(staging) do redis.call('UNLINK', key) end
redis.call('ZREM', RETIRED, 'queue:${STAGING}' .. caller_epoch)
redis.call('HSET', ROW, 'arriving', caller_epoch)
return {'ok'}`,
});

/** Makes the staging the queue's content. New markers are above `highest_marker`. */
const OPEN = script("open a staging", {
  effect: "grows",
  keys: { ...QUEUE, retiredContent: table(CONTENT_PARTS), staging: table(CONTENT_PARTS) },
  args: { ...CALL, retiredName: text, highestMarker: number, lifeSeconds: number, counts: list(numeral) },
  uses: [CLOCK, LIFE, QUEUE_ROW, CONTENT, RETIRE, SCHEDULE, FORGET_MOVE],
  answers: answers<["ok"]>(),
  lua: `
if redis.call('HGET', ROW, 'arriving') ~= caller_epoch then return {'stale'} end
if epoch and tonumber(epoch) >= tonumber(caller_epoch) then return {'stale'} end
if epoch then retire() end
forget_move()
for part, key in pairs(staging) do
  if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, content[part]) end
end
redis.call('HDEL', ROW, 'arriving', 'left', 'fence')
local last = digits(math.max(tonumber(last_marker or 0), highest_marker))
redis.call('HSET', ROW, 'last', last, 'next', '0')
begin_life(ROW, caller_epoch)
for index, kind in ipairs({${TALLY_FIELDS}}) do redis.call('HSET', ROW, kind, counts[index]) end
if life_seconds > 0 then redis.call('HSET', ROW, 'history', digits(life_seconds), 'history-since', NOW) end
schedule(now)
return {'ok'}`,
});

const SUBSCRIPTION_FIELDS = {
  id: text,
  age: number,
  renewalAge: number,
  remaining: number,
  ttl: numeral,
  confirmed: flag,
  subscriber: text,
  options: text,
};

/** Replaces all subscriptions of the queue. */
const WRITE_SUBSCRIPTIONS = script("write moved subscriptions", {
  effect: "grows",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { epoch: numeral, offset: number, moved: records(SUBSCRIPTION_FIELDS) },
  uses: [CLOCK, SUBSCRIPTION_RECORD],
  answers: answers<["ok" | "stale"]>(),
  lua: `
if redis.call('HGET', ROW, 'life') ~= epoch then return {'stale'} end
redis.call('UNLINK', RECORDS, SUBSCRIBERS, IDS, ENDS)
redis.call('ZREM', DUE, RECORDS)
for _, one in ipairs(moved) do
  one.created, one.renewed, one.ends = digits(now - one.age), digits(now - one.renewal_age), digits(now + one.remaining)
  one.confirmed = one.confirmed and '1' or '0'
  write(one)
end
return {'ok'}`,
});

/** Gives the staging up. Ends the queue if it has this or an older epoch and is not frozen. */
const ABANDON = script("abandon a move", {
  effect: "writes",
  keys: { ...QUEUE, retiredContent: table(CONTENT_PARTS), subscriptions: table(SUBSCRIPTION_PARTS) },
  args: { ...CALL, retiredName: text },
  uses: [LIFE, QUEUE_ROW, RETIRE, FORGET_MOVE, GIVE_UP_STAGING, DROP_SUBSCRIPTIONS],
  answers: answers<["ok"]>(),
  lua: `
local arriving = redis.call('HGET', ROW, 'arriving')
if arriving and tonumber(arriving) <= tonumber(caller_epoch) then
  redis.call('HDEL', ROW, 'arriving')
  give_up_staging(arriving)
end
if epoch and tonumber(epoch) <= tonumber(caller_epoch) and redis.call('HEXISTS', ROW, 'frozen') == 0 then
  retire()
  forget_move()
  end_life(ROW)
  drop_subscriptions()
end
return {'ok'}`,
});

const OPEN_EPOCH = script("read the epoch", {
  effect: "reads",
  keys: QUEUE,
  args: CALL,
  uses: [QUEUE_ROW],
  answers: answers<["ok", epoch: string | null]>(),
  lua: "return {'ok', epoch}",
});

type TargetHalf = Pick<
  QueueTransfer,
  "prepare" | "writeMessages" | "writeClaims" | "writeKeys" | "open" | "abandon" | "openEpoch"
>;

/**
 * The target's half of a move: see QueueTransfer. The queue is written under other keys, a staging. To open it, the
 * keys are renamed.
 */
export class MoveTarget implements TargetHalf {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  async prepare({ queue }: { queue: QueueLife }): Promise<void> {
    await this.#queues.call(queue, PREPARE, {}, { keys: { staging: this.#stagingOf(queue) } });
  }

  /**
   * NOT_SUPPORTED for a marker that a sorted set's score cannot hold. No store that counts its posts will ever reach
   * one.
   */
  async writeMessages(params: {
    queue: QueueLife;
    messages: readonly MovedMessage[];
    changed: readonly MovedState[];
    gone: readonly string[];
  }): Promise<number> {
    const { queue, messages, changed, gone } = params;
    if (messages.length + changed.length + gone.length === 0) return 0;
    const moved = messages.map((message) => ({
      ...stateOf(message),
      id: message.id,
      age: microseconds(message.ageMs),
      client: message.clientId,
      lasting: writeDeadLettered(message.deadLettered),
      body: carriedText(message.bodyText, message.headers),
    }));
    const [, grown] = await this.#write(queue, WRITE, { moved, changed: changed.map(stateOf), removed: gone });
    return grown;
  }

  async writeClaims({ queue, claims }: { queue: QueueLife; claims: readonly MovedClaim[] }): Promise<void> {
    const moved = claims.map(
      (claim): ValuesOf<typeof CLAIM_FIELDS> => ({
        id: claim.id,
        age: microseconds(claim.ageMs),
        renewalAge: microseconds(claim.sinceRenewalMs),
        remaining: microseconds(claim.remainingMs),
        ttl: claim.ttlSeconds,
        grace: claim.graceSeconds,
        client: claim.clientId,
        actor: claim.actor,
        markers: claim.markers.join(" "),
      }),
    );
    await this.#write(queue, WRITE_CLAIMS, { moved });
  }

  async writeKeys({ queue, keys }: { queue: QueueLife; keys: readonly MovedKey[] }): Promise<void> {
    const moved = keys.map(({ key, request, result, ageMs }) => ({
      key,
      request,
      result: request.startsWith(POP_PREFIX) ? result : result.replaceAll(",", " "),
      age: microseconds(ageMs),
    }));
    await this.#write(queue, WRITE_KEYS, { moved });
  }

  /**
   * Writes the subscriptions after the queue, in a second step. No caller comes here in between, because the catalogue
   * changes later.
   */
  async open({ queue, rest }: { queue: QueueLife; rest: MovedRest }): Promise<void> {
    await this.#write(queue, PURGE_STAGING, { lowWater: scoreOf(rest.lowWater) });
    const { retiredName, retiredContent } = this.#queues.newRetirement(queue);
    const counts = TALLIED.map((kind) => rest.tally[kind]);
    const { lifeSeconds } = rest;
    const args = { retiredName, highestMarker: Number(scoreOf(rest.highestMarker)), lifeSeconds, counts };
    await this.#queues.call(queue, OPEN, args, { keys: { retiredContent, staging: this.#stagingOf(queue) } });
    const { keys, scripts } = this.#queues;
    const [verdict] = await scripts.run(
      WRITE_SUBSCRIPTIONS,
      { subscriptions: keys.subscriptions(queue), queue: keys.row(queue) },
      { epoch: queue.epoch, offset: this.#queues.offset(), moved: rest.subscriptions.map(subscriptionOf) },
    );
    if (verdict === "stale") throw staleEpoch(queue);
    this.#queues.counters.touch(queue);
  }

  async abandon({ queue }: { queue: QueueLife }): Promise<void> {
    const { retiredName, retiredContent } = this.#queues.newRetirement(queue);
    const keys = { retiredContent, subscriptions: this.#queues.keys.subscriptions(queue) };
    await this.#queues.call(queue, ABANDON, { retiredName }, { keys });
  }

  async openEpoch({ queue: { project, name } }: { queue: QueueRef }): Promise<number | null> {
    const [, epoch] = await this.#queues.call({ project, name }, OPEN_EPOCH, {});
    return epoch === null ? null : Number(epoch);
  }

  /** Runs a script with the staging's keys in place of the queue's content. */
  async #write<Args extends CallArgs, Answer extends Answered>(
    queue: QueueLife,
    script: Script<KeysOf<typeof QUEUE>, Args, Answer>,
    args: Omit<Args, keyof CallArgs>,
  ): Promise<Answer> {
    const { keys, scripts } = this.#queues;
    const all = { callerEpoch: queue.epoch, offset: this.#queues.offset(), ...args } as unknown as Args;
    const answer = await scripts.runToEnd(script, { queue: keys.queueInStaging(queue, queue.epoch) }, all);
    if (answer[0] === "stale") throw staleEpoch(queue);
    return answer;
  }

  #stagingOf(queue: QueueLife) {
    const { keys } = this.#queues;
    return keys.staging(keys.row(queue)[0] as string, queue.epoch);
  }
}

const microseconds = (milliseconds: number) => Math.round(milliseconds * 1000);

function stateOf(state: MovedState): ValuesOf<typeof STATE_FIELDS> {
  return {
    marker: scoreOf(state.marker),
    remaining: microseconds(state.remainingMs),
    ttl: state.ttlSeconds,
    count: state.claimCount,
    claim: state.claimId ?? "-",
    claimRemaining: microseconds(state.claimRemainingMs ?? 0),
    delay: state.delayMs === null ? null : microseconds(state.delayMs),
    holder: state.lastHolder,
    more: state.lastDelivery === null ? "" : ` last=${state.lastDelivery}`,
  };
}

function subscriptionOf(subscription: MovedSubscription): ValuesOf<typeof SUBSCRIPTION_FIELDS> {
  return {
    id: subscription.id,
    age: microseconds(subscription.ageMs),
    renewalAge: microseconds(subscription.sinceRenewalMs),
    remaining: microseconds(subscription.remainingMs),
    ttl: subscription.ttlSeconds,
    confirmed: subscription.confirmed,
    subscriber: subscription.subscriber,
    options: subscription.optionsText,
  };
}

function scoreOf(marker: string): string {
  if (Number.isSafeInteger(Number(marker))) return marker;
  throw new DomainError("NOT_SUPPORTED", "The markers of this queue are too high for a pool of this kind.");
}
