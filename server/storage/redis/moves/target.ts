import { DomainError } from "../../../errors.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type {
  MovedClaim,
  MovedKey,
  MovedMessage,
  MovedRest,
  MovedState,
  MovedSubscription,
  QueueLife,
  QueueTransfer,
} from "../../queue-transfer.ts";
import { LIFE_PARTS, STAGING } from "../keys.ts";
import { optional } from "../messages/records.ts";
import { END_LIFE, type QueueRows, staleEpoch } from "../queue-rows.ts";
import type { Reply } from "../server/connection.ts";
import { type Script, script } from "../server/scripts.ts";
import {
  DECREMENT_HELD,
  ENTER_LIFE,
  ENTER_ROOM,
  EXPIRE_STEP,
  FORGET_MOVE,
  QUEUE_KEYS,
  RECORD,
  SCHEDULE,
} from "../server/shared-lua.ts";
import { SUBSCRIPTIONS_ENTER } from "../subscriptions.ts";

/** A room that is given up is freed like a life that ended. */
const GIVE_UP_ROOM = `
local function give_up_room(arriving)
  redis.call('ZADD', ENDED, NOW, 'queue:${STAGING}' .. arriving)
  schedule(now)
end
`;

/** The room's keys follow the queue's. */
const PREPARE = script(
  `${ENTER_LIFE}${SCHEDULE}${GIVE_UP_ROOM}
local arriving, tombstone = unpack(redis.call('HMGET', ROW, 'arriving', 'tombstone'))
local life = epoch or tombstone
if life and tonumber(life) >= tonumber(ARGV[1]) then return {'stale'} end
if arriving and tonumber(arriving) > tonumber(ARGV[1]) then return {'stale'} end
if arriving == ARGV[1] then return {'ok'} end
if arriving then give_up_room(arriving) end
for place = ${QUEUE_KEYS + 1}, #KEYS do redis.call('UNLINK', KEYS[place]) end
redis.call('ZREM', ENDED, 'queue:${STAGING}' .. ARGV[1])
redis.call('HSET', ROW, 'arriving', ARGV[1])
return {'ok'}`,
  "grows",
);

/** Of messages that go or change, how many each claim in the room delivered: `let_go` takes them from it. */
const COUNT_HELD = `${RECORD}${DECREMENT_HELD}
local held_by = {}
local function count_held(record)
  local _, _, _, _, _, _, claim, _, part = read_record(record)
  if part == 'd' then held_by[claim] = (held_by[claim] or 0) + 1 end
end
local function count_all_held(ids)
  for some in slices(ids) do
    for _, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      if record then count_held(record) end
    end
  end
end
`;

const STATE_FIELDS = 7;
const MESSAGE_FIELDS = STATE_FIELDS + 4;

/**
 * ARGV: 3 how many messages, 4 how many that changed, then their fields, then the markers of what is gone. A held message counts as held back until its
 * claim comes, or comes again, and says that it delivered it. One that is there under a lower marker left its queue and came back, so that it stands at the new one.
 */
const WRITE = script(
  `${ENTER_ROOM}${COUNT_HELD}
local function state_at(at)
  local marker, remaining, ttl, count, claim, claim_remaining, delay = unpack(ARGV, at, at + ${STATE_FIELDS - 1})
  local state = {marker = marker, expires = now + remaining, ttl = ttl, count = count, claim = claim, ends = 0, available = 0}
  if claim ~= '-' then state.ends = now + claim_remaining end
  if delay ~= '-' then state.available = now + delay end
  return state
end
local function put(messages)
  for some in slices(messages) do
    local ids, order, expiry, records, bodies = {}, {}, {}, {}, {}
    local sets = {{READY}, {DELAYED}, {CLAIMED}}
    for place, one in ipairs(some) do
      local set, score, part = sets[1], one.marker, '-'
      if one.ends > now then
        set, score, part = sets[3], digits(one.ends), 'x'
      elseif one.available > now then
        set, score = sets[2], digits(math.min(one.available, one.expires))
      end
      ids[place] = one.id
      set[#set + 1] = score
      set[#set + 1] = one.id
      order[#order + 1] = one.marker
      order[#order + 1] = one.id
      expiry[#expiry + 1] = digits(one.expires)
      expiry[#expiry + 1] = one.id
      records[#records + 1] = one.id
      records[#records + 1] = table.concat({
        one.marker, one.created, digits(one.expires), one.ttl, digits(one.available), one.count, one.claim, digits(one.ends), part, one.client
      }, ' ')
      if one.body then
        bodies[#bodies + 1] = one.id
        bodies[#bodies + 1] = one.body
      end
    end
    for _, set in ipairs(sets) do
      redis.call('ZREM', set[1], unpack(ids))
      if #set > 1 then redis.call('ZADD', unpack(set)) end
    end
    redis.call('ZADD', ORDER, unpack(order))
    redis.call('ZADD', EXPIRY, unpack(expiry))
    redis.call('HSET', RECORDS, unpack(records))
    if #bodies > 0 then redis.call('HSET', BODIES, unpack(bodies)) end
  end
end
local function id_at(marker) return redis.call('ZRANGEBYSCORE', ORDER, marker, marker)[1] end
local at, grown, fresh, changed, gone = 5, 0, {}, {}, {}
for _ = 1, ARGV[3] do
  local state = state_at(at)
  local age
  state.id, age, state.client, state.body = unpack(ARGV, at + ${STATE_FIELDS}, at + ${MESSAGE_FIELDS - 1})
  state.created = digits(now - age)
  at = at + ${MESSAGE_FIELDS}
  local there = redis.call('ZSCORE', ORDER, state.id)
  if not there or tonumber(there) < tonumber(state.marker) then
    if there then
      count_all_held({state.id})
      remove({state.id})
    else
      grown = grown + 1
    end
    fresh[#fresh + 1] = state
  end
end
put(fresh)
for _ = 1, ARGV[4] do
  local state = state_at(at)
  at = at + ${STATE_FIELDS}
  state.id = id_at(state.marker)
  if state.id then
    local record = redis.call('HGET', RECORDS, state.id)
    local _, created, _, _, _, _, _, _, _, client = read_record(record)
    count_held(record)
    state.created, state.client = created, client
    changed[#changed + 1] = state
  end
end
put(changed)
for place = at, #ARGV do
  local id = id_at(ARGV[place])
  if id then gone[#gone + 1] = id end
end
count_all_held(gone)
remove(gone)
let_go(held_by)
return {'ok', grown - #gone}`,
  "grows",
);

/** ARGV: 3 and on: id, age, age of its renewal, what remains, ttl, grace, client, actor and markers of each. One lives only while it holds a message. */
const WRITE_CLAIMS = script(
  `${ENTER_ROOM}${RECORD}
for at = 3, #ARGV, 9 do
  local claim, age, renewal, remaining, ttl, grace, client, actor, markers = unpack(ARGV, at, at + 8)
  local held = {}
  for asked in string.gmatch(markers, '%S+') do
    local id = redis.call('ZRANGEBYSCORE', ORDER, asked, asked)[1]
    if id then
      local marker, created, expires, life, available, count, holder, ends, _, whose = read_record(redis.call('HGET', RECORDS, id))
      if holder == claim and tonumber(ends) > now then
        redis.call('HSET', RECORDS, id, table.concat({marker, created, expires, life, available, count, holder, ends, 'd', whose}, ' '))
        held[#held + 1] = id
      end
    end
  end
  if #held > 0 then
    local ends = digits(now + remaining)
    local record = {digits(now - age), digits(now - renewal), ends, ttl, grace, #held, #client, client .. actor}
    redis.call('HSET', CLAIMS, claim, table.concat(record, ' '), claim .. ' held', table.concat(held, ' '))
    redis.call('ZADD', CLAIM_ENDS, ends, claim)
    redis.call('ZADD', CLAIM_IDS, 0, claim)
  end
end
return {'ok'}`,
  "grows",
);

/** ARGV: 3 and on: key, request, result and age of each. */
const WRITE_KEYS = script(
  `${ENTER_ROOM}
for at = 3, #ARGV, 4 do
  local used = now - ARGV[at + 3]
  redis.call('HSET', KEPT, ARGV[at], digits(used) .. ' ' .. ARGV[at + 1] .. ' ' .. ARGV[at + 2])
  redis.call('ZADD', KEPT_ENDS, digits(used + 86400000000), ARGV[at])
end
return {'ok'}`,
  "grows",
);

/** ARGV: 3 the marker at or below which all is purged. Where the queue was, claims on it may still have been there. */
const PURGE_ROOM = script(
  `${ENTER_ROOM}${COUNT_HELD}
local purged = redis.call('ZRANGEBYSCORE', ORDER, '-inf', ARGV[3], 'LIMIT', 0, ${EXPIRE_STEP})
count_all_held(purged)
remove(purged)
let_go(held_by)
return {#purged == ${EXPIRE_STEP} and 'more' or 'ok'}`,
  "writes",
);

/** ARGV: 3 the name of the life that ends here, 4 the marker above which all new ones are. The room's keys follow those of the ended life. */
const OPEN = script(
  `${ENTER_LIFE}${END_LIFE}${FORGET_MOVE}
if redis.call('HGET', ROW, 'arriving') ~= ARGV[1] then return {'stale'} end
if epoch and tonumber(epoch) >= tonumber(ARGV[1]) then return {'stale'} end
if epoch then end_life(ARGV[3]) end
forget_move()
for place = 1, ${LIFE_PARTS.length} do
  local part = KEYS[${QUEUE_KEYS + LIFE_PARTS.length} + place]
  if redis.call('EXISTS', part) == 1 then redis.call('RENAME', part, KEYS[1 + place]) end
end
redis.call('HDEL', ROW, 'arriving', 'left', 'fence')
redis.call('HSET', ROW, 'epoch', ARGV[1], 'last', digits(math.max(tonumber(row[2] or 0), tonumber(ARGV[4]))), 'next', '0')
schedule(now)
return {'ok'}`,
  "grows",
);

const SUBSCRIPTION_FIELDS = 8;

/** ARGV: 1 the epoch, 3 and on: id, age, age of its renewal, what remains, ttl, whether confirmed, subscriber and options of each. KEYS: 6 the queue's row. */
const WRITE_SUBSCRIPTIONS = script(
  `if redis.call('HGET', KEYS[6], 'epoch') ~= ARGV[1] then return {'stale'} end
${SUBSCRIPTIONS_ENTER}
redis.call('UNLINK', RECORDS, SUBSCRIBERS, IDS, ENDS)
redis.call('ZREM', DUE, RECORDS)
for at = 3, #ARGV, ${SUBSCRIPTION_FIELDS} do
  local id, age, renewal, remaining, ttl, confirmed, subscriber, options = unpack(ARGV, at, at + ${SUBSCRIPTION_FIELDS - 1})
  write({id, digits(now - age), digits(now - renewal), digits(now + remaining), ttl, confirmed, subscriber, options})
end
return {'ok'}`,
  "grows",
);

/** ARGV: 3 the name of the life that ends. The keys of the subscriptions follow those of the ended life. */
const ABANDON = script(
  `${ENTER_LIFE}${END_LIFE}${FORGET_MOVE}${GIVE_UP_ROOM}
local arriving = redis.call('HGET', ROW, 'arriving')
if arriving and tonumber(arriving) <= tonumber(ARGV[1]) then
  redis.call('HDEL', ROW, 'arriving')
  give_up_room(arriving)
end
if epoch and tonumber(epoch) <= tonumber(ARGV[1]) and redis.call('HEXISTS', ROW, 'frozen') == 0 then
  end_life(ARGV[3])
  forget_move()
  redis.call('HDEL', ROW, 'epoch')
  local first = #KEYS - 5
  redis.call('UNLINK', KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3])
  redis.call('ZREM', DUE, KEYS[first])
end
return {'ok'}`,
  "writes",
);

const OPEN_EPOCH = script(
  `${ENTER_LIFE}
return {'ok', epoch or ''}`,
  "reads",
);

type Entries = Pick<
  QueueTransfer,
  "prepare" | "writeMessages" | "writeClaims" | "writeKeys" | "open" | "abandon" | "openEpoch"
>;

/**
 * The half of a move where the queue goes. See QueueTransfer. What comes is written under other names, a room, and opened by renaming it.
 */
export class MoveTarget implements Entries {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  async prepare({ queue }: { queue: QueueLife }): Promise<void> {
    await this.#queues.call(queue, PREPARE, [], { moreKeys: this.#room(queue) });
  }

  /** NOT_SUPPORTED for a marker that a score cannot hold: no store that counts its posts has ever come so far. */
  async writeMessages(params: {
    queue: QueueLife;
    messages: readonly MovedMessage[];
    changed: readonly MovedState[];
    gone: readonly string[];
  }): Promise<number> {
    const { queue, messages, changed, gone } = params;
    const values = [String(messages.length), String(changed.length)];
    for (const message of messages) {
      const { id, ageMs, clientId, bodyText } = message;
      values.push(...stateValues(message), id, microseconds(ageMs), optional(clientId), bodyText);
    }
    for (const state of changed) values.push(...stateValues(state));
    values.push(...gone);
    if (values.length === 2) return 0;
    const [, grown] = await this.#write(queue, WRITE, values);
    return grown as number;
  }

  async writeClaims({ queue, claims }: { queue: QueueLife; claims: readonly MovedClaim[] }): Promise<void> {
    const values = claims.flatMap((claim) => [
      claim.id,
      microseconds(claim.ageMs),
      microseconds(claim.sinceRenewalMs),
      microseconds(claim.remainingMs),
      String(claim.ttlSeconds),
      String(claim.graceSeconds),
      optional(claim.clientId),
      optional(claim.actor),
      claim.markers.join(" "),
    ]);
    await this.#write(queue, WRITE_CLAIMS, values);
  }

  async writeKeys({ queue, keys }: { queue: QueueLife; keys: readonly MovedKey[] }): Promise<void> {
    const values = keys.flatMap(({ key, request, result, ageMs }) => [
      optional(key),
      request,
      result.replaceAll(",", " "),
      microseconds(ageMs),
    ]);
    await this.#write(queue, WRITE_KEYS, values);
  }

  /** The subscriptions come a step after the queue, which nobody is led to yet: the catalogue says so only once this resolved. */
  async open({ queue, rest }: { queue: QueueLife; rest: MovedRest }): Promise<void> {
    await this.#write(queue, PURGE_ROOM, [scoreOf(rest.lowWater)]);
    const life = this.#queues.newLife(queue);
    const values = [...life.values, scoreOf(rest.highestMarker)];
    await this.#queues.call(queue, OPEN, values, { moreKeys: [...life.keys, ...this.#room(queue)] });
    const { keys, scripts } = this.#queues;
    const subscriptions = [
      String(queue.epoch),
      this.#queues.offset(),
      ...rest.subscriptions.flatMap(subscriptionValues),
    ];
    const [verdict] = await scripts.run(WRITE_SUBSCRIPTIONS, keys.subscriptions(queue), subscriptions);
    if (verdict === "stale") throw staleEpoch(queue);
  }

  async abandon({ queue }: { queue: QueueLife }): Promise<void> {
    const life = this.#queues.newLife(queue);
    await this.#queues.call(queue, ABANDON, life.values, {
      moreKeys: [...life.keys, ...this.#queues.keys.subscriptions(queue)],
    });
  }

  async openEpoch({ queue: { project, name } }: { queue: QueueRef }): Promise<number | null> {
    const [, epoch] = await this.#queues.call({ project, name }, OPEN_EPOCH, []);
    return epoch === "" ? null : Number(epoch);
  }

  /** With the room's parts where a script expects the queue's. */
  async #write(queue: QueueLife, script: Script, values: readonly string[]): Promise<readonly Reply[]> {
    const { keys, scripts } = this.#queues;
    const [row, ...parts] = keys.queue(queue) as [string, ...string[]];
    const all = [row, ...this.#room(queue), ...parts.slice(LIFE_PARTS.length)];
    const reply = await scripts.settled(script, all, [String(queue.epoch), this.#queues.offset(), ...values]);
    if (reply[0] === "stale") throw staleEpoch(queue);
    return reply;
  }

  #room(queue: QueueLife): string[] {
    const { keys } = this.#queues;
    return keys.room(keys.queue(queue)[0] as string, queue.epoch);
  }
}

const microseconds = (milliseconds: number) => String(Math.round(milliseconds * 1000));

function stateValues(state: MovedState): string[] {
  return [
    scoreOf(state.marker),
    microseconds(state.remainingMs),
    String(state.ttlSeconds),
    String(state.claimCount),
    state.claimId ?? "-",
    microseconds(state.claimRemainingMs ?? 0),
    state.delayMs === null ? "-" : microseconds(state.delayMs),
  ];
}

function subscriptionValues(subscription: MovedSubscription): string[] {
  return [
    subscription.id,
    microseconds(subscription.ageMs),
    microseconds(subscription.sinceRenewalMs),
    microseconds(subscription.remainingMs),
    String(subscription.ttlSeconds),
    subscription.confirmed ? "1" : "0",
    subscription.subscriber,
    subscription.optionsText,
  ];
}

function scoreOf(marker: string): string {
  if (Number.isSafeInteger(Number(marker))) return marker;
  throw new DomainError("NOT_SUPPORTED", "The markers of this queue are too high for a pool of this kind.");
}
