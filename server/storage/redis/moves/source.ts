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
import { CLAIM_RECORD, HELD_BY } from "../claims/records.ts";
import { readOptional } from "../messages/records.ts";
import { END_LIFE, type QueueRows } from "../queue-rows.ts";
import { type Script, script } from "../server/scripts.ts";
import { ENTER_ATTEMPT, ENTER_LIFE, EXPIRE_STEP, FORGET_MOVE, RECORD, SCHEDULE } from "../server/shared-lua.ts";
import { SUBSCRIPTIONS_ENTER } from "../subscriptions.ts";

/** Text of messages that is read at a time. */
const READ_BYTES = 4 * 1024 * 1024;

/**
 * Only an attempt that is newer than the last. A queue that does not live here (deleted, or never used) is frozen from the beginning, with its epoch
 * beside, so that nobody takes it for one that lives. ARGV: 3 the attempt, in all of these.
 */
const BEGIN = script(
  `${ENTER_LIFE}${FORGET_MOVE}
local tombstone, fence, left = unpack(redis.call('HMGET', ROW, 'tombstone', 'fence', 'left'))
if epoch and epoch ~= ARGV[1] then return {'stale'} end
if not epoch and left and tonumber(left) >= tonumber(ARGV[1]) then return {'stale'} end
if not epoch and tombstone and tonumber(tombstone) > tonumber(ARGV[1]) then return {'stale'} end
if fence and tonumber(fence) >= tonumber(ARGV[3]) then return {'stale'} end
forget_move()
redis.call('HSET', ROW, 'moving', ARGV[3], 'fence', ARGV[3])
if not epoch then redis.call('HSET', ROW, 'tombstone', ARGV[1], 'frozen', '1') end
return {'ok'}`,
  "grows",
);

/** ARGV: 4 after which marker, 5 how many. What has expired is settled first, so what is there is alive. */
const READ_MESSAGES = script(
  `${ENTER_ATTEMPT}
local ids = redis.call('ZRANGEBYSCORE', ORDER, '(' .. ARGV[4], '+inf', 'LIMIT', 0, ARGV[5])
local read, bytes = {}, 0
for some in slices(ids) do
  for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    if bytes < ${READ_BYTES} then
      local body = redis.call('HGET', BODIES, some[place])
      bytes = bytes + #body
      read[#read + 1] = some[place]
      read[#read + 1] = record
      read[#read + 1] = body
    end
  end
end
return {'ok', NOW, read}`,
  "reads",
);

/** ARGV: 4 how many notes. One step: whatever changes after it is noted again. A message that came back under its id stands elsewhere in the order. */
const TAKE_CHANGES = script(
  `${ENTER_ATTEMPT}
local markers, ids, changed, gone = {}, {}, {}, {}
for place, noted in ipairs(redis.call('SPOP', NOTES, ARGV[4])) do
  markers[place], ids[place] = string.match(noted, '^(%S+) (%S+)$')
end
for some, first in slices(ids) do
  for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    local marker = markers[first + place - 1]
    if record and string.match(record, '^%S+') == marker then
      changed[#changed + 1] = record
    else
      gone[#gone + 1] = marker
    end
  end
end
return {'ok', NOW, changed, gone, #ids}`,
  "writes",
);

/**
 * ARGV: 4 the last key of the page before or nothing, 5 how many, 6 of how many microseconds or nothing. In the order of their time, for which there
 * is a set. A key that is used again goes to the end of it, so the row remembers the time of the last page.
 */
const READ_KEYS = script(
  `${ENTER_ATTEMPT}
local start
if ARGV[4] == '' then
  local from = ARGV[6] == '' and now or math.max(now, now + 86400000000 - ARGV[6])
  start = redis.call('ZCOUNT', KEPT_ENDS, '-inf', '(' .. digits(from))
else
  local ends, score = redis.call('HGET', ROW, 'keys-read'), redis.call('ZSCORE', KEPT_ENDS, ARGV[4])
  if score and tonumber(score) == tonumber(ends) then
    start = redis.call('ZRANK', KEPT_ENDS, ARGV[4]) + 1
  else
    start = redis.call('ZCOUNT', KEPT_ENDS, '-inf', '(' .. ends)
  end
end
local page = redis.call('ZRANGE', KEPT_ENDS, start, start + ARGV[5] - 1, 'WITHSCORES')
local read = {}
for at = 1, #page, 2 do
  read[#read + 1] = page[at]
  read[#read + 1] = redis.call('HGET', KEPT, page[at])
end
if #page > 0 then redis.call('HSET', ROW, 'keys-read', digits(tonumber(page[#page]))) end
return {'ok', NOW, read}`,
  "writes",
);

const FREEZE = script(
  `${ENTER_ATTEMPT}
redis.call('HSET', ROW, 'frozen', '1')
return {'ok'}`,
  "grows",
);

/** Each with the markers of what it delivered and still holds. `ids` is a Lua expression. */
const readClaims = (ids: string) =>
  script(
    `${ENTER_ATTEMPT}${RECORD}${CLAIM_RECORD}${HELD_BY}
local claims = {}
for _, id in ipairs(${ids}) do
  local found = redis.call('HMGET', CLAIMS, id, id .. ' held')
  local claim, markers = describe_claim(id, found[1]), {}
  if claim then
    for place, message in ipairs(held_by(id, found[2])) do markers[place] = (read_record(message[2])) end
    claim[#claim + 1] = table.concat(markers, ' ')
    claims[#claims + 1] = claim
  end
end
return {'ok', NOW, claims}`,
    "reads",
  );

/** ARGV: 4 after which id or nothing, 5 how many. */
const READ_CLAIMS = readClaims(
  "redis.call('ZRANGEBYLEX', CLAIM_IDS, ARGV[4] == '' and '-' or '(' .. ARGV[4], '+', 'LIMIT', 0, ARGV[5])",
);

/** ARGV: 4 and on: their ids. */
const READ_CLAIMS_BY_ID = readClaims("{unpack(ARGV, 4)}");

/** A server that took over without having heard of the freeze must not pass for frozen. */
const READ_REST = script(
  `${ENTER_ATTEMPT}
local rest = redis.call('HMGET', ROW, 'frozen', 'low', 'last')
if not rest[1] then return {'stale'} end
return {'ok', rest[2] or '0', rest[3] or '0', redis.call('ZCARD', CLAIM_IDS)}`,
  "reads",
);

const READ_SUBSCRIPTIONS = script(
  `${SUBSCRIPTIONS_ENTER}
if #expired == ${EXPIRE_STEP} then return {'more'} end
local found = {}
for place, id in ipairs(redis.call('ZRANGE', IDS, 0, -1)) do found[place] = find(id) end
return {'ok', NOW, found}`,
  "reads",
);

/** Answers whether the queue's life is here and an attempt to move it ever began. A later attempt's freeze stays. */
const THAW = script(
  `${ENTER_LIFE}${SCHEDULE}${FORGET_MOVE}
local tombstone, fence = unpack(redis.call('HMGET', ROW, 'tombstone', 'fence'))
if (epoch or tombstone) ~= ARGV[1] or not fence then return {'ok', 0} end
if tonumber(fence) > tonumber(ARGV[3]) then return {'ok', 1} end
forget_move()
redis.call('HSET', ROW, 'fence', ARGV[3])
if not epoch then schedule(now) end
return {'ok', 1}`,
  "writes",
);

/** ARGV: 3 the name of the life that ends. The keys of the subscriptions follow those of the ended life. */
const LEAVE = script(
  `${ENTER_LIFE}${END_LIFE}${FORGET_MOVE}
if (epoch or redis.call('HGET', ROW, 'tombstone')) ~= ARGV[1] then return {'ok'} end
end_life(ARGV[3])
forget_move()
redis.call('HDEL', ROW, 'epoch', 'fence')
redis.call('HSET', ROW, 'left', ARGV[1])
local first = #KEYS - 5
redis.call('UNLINK', KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3])
redis.call('ZREM', DUE, KEYS[first])
return {'ok'}`,
  "writes",
);

type Attempt = { queue: QueueLife; moveEpoch: number };
type Departures = Pick<
  QueueTransfer,
  "begin" | "readMessages" | "takeChanges" | "readKeys" | "freeze" | "readClaims" | "readRest" | "thaw" | "leave"
>;

/**
 * The half of a move where the queue is. See QueueTransfer. Scripts stand alone, so a freeze has nothing to wait for. Hazard: a replica that
 * takes over may not have heard of the last writes, a freeze among them, as with all that Redis answers.
 */
export class MoveSource implements Departures {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  async begin(params: Attempt): Promise<void> {
    await this.#call(params, BEGIN);
  }

  async readMessages(params: Attempt & { after: string; limit: number }): Promise<MovedMessage[]> {
    const [, now, read] = await this.#call(params, READ_MESSAGES, [params.after, String(params.limit)]);
    const parts = read as string[];
    const messages: MovedMessage[] = [];
    for (let at = 0; at < parts.length; at += 3) {
      const [id, record, bodyText] = parts.slice(at, at + 3) as [string, string, string];
      const { created, client, ...state } = readState(record, now as string);
      messages.push({ ...state, id, bodyText, clientId: client, ageMs: until(now as string, created) });
    }
    return messages;
  }

  async takeChanges(
    params: Attempt & { limit: number },
  ): Promise<{ changed: MovedState[]; gone: string[]; more: boolean }> {
    const [, now, records, gone, taken] = await this.#call(params, TAKE_CHANGES, [String(params.limit)]);
    const changed = (records as string[]).map((record) => {
      const { created: _, client: __, ...state } = readState(record, now as string);
      return state;
    });
    return { changed, gone: gone as string[], more: taken === params.limit };
  }

  async readKeys(params: Attempt & { after: string; limit: number; youngerThanMs?: number }): Promise<MovedKey[]> {
    const { after, limit, youngerThanMs } = params;
    const young = youngerThanMs === undefined ? "" : microseconds(youngerThanMs);
    const values = [after === "" ? "" : `+${after}`, String(limit), young];
    const [, now, read] = await this.#call(params, READ_KEYS, values);
    const parts = read as string[];
    const keys: MovedKey[] = [];
    for (let at = 0; at < parts.length; at += 2) {
      const [used, request, ...ids] = (parts[at + 1] as string).split(" ") as [string, string, ...string[]];
      keys.push({
        key: (parts[at] as string).slice(1),
        request,
        result: ids.join(","),
        ageMs: until(now as string, used),
      });
    }
    return keys;
  }

  /** `deadlineMs` is not needed. */
  async freeze(params: Attempt & { deadlineMs: number }): Promise<void> {
    await this.#call(params, FREEZE);
  }

  async readClaims(
    params: Attempt & ({ after: string; limit: number } | { ids: readonly string[] }),
  ): Promise<MovedClaim[]> {
    const [, time, claims] =
      "ids" in params
        ? await this.#call(params, READ_CLAIMS_BY_ID, params.ids)
        : await this.#call(params, READ_CLAIMS, [params.after, String(params.limit)]);
    const now = time as string;
    return (claims as ClaimParts[]).map(([id, created, renewed, ends, ttl, grace, , client, actor, markers]) => ({
      id,
      clientId: readOptional(client),
      actor: readOptional(actor),
      ttlSeconds: Number(ttl),
      graceSeconds: Number(grace),
      markers: markers.split(" ").filter((marker) => marker !== ""),
      ageMs: until(now, created),
      sinceRenewalMs: until(now, renewed),
      remainingMs: until(ends, now),
    }));
  }

  /** Nothing is counted here, so the counts begin where the queue goes. */
  async readRest(params: Attempt): Promise<MovedRest> {
    const [, lowWater, highestMarker, live] = await this.#call(params, READ_REST);
    const { keys, scripts } = this.#queues;
    const values = ["", this.#queues.offset()];
    const [, time, found] = await scripts.settled(READ_SUBSCRIPTIONS, keys.subscriptions(params.queue), values);
    const now = time as string;
    const subscriptions: MovedSubscription[] = (found as string[][]).map((parts) => {
      const [id, created, renewed, ends, ttl, confirmed, subscriber, optionsText] = parts as SubscriptionParts;
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
    const counts = { posted: 0, claimed: 0, deleted: 0, expired: 0 };
    return {
      lowWater: lowWater as string,
      highestMarker: highestMarker as string,
      counts,
      claims: live as number,
      subscriptions,
    };
  }

  async thaw(params: Attempt): Promise<boolean> {
    const [, isHere] = await this.#call(params, THAW);
    return isHere === 1;
  }

  async leave({ queue }: { queue: QueueLife }): Promise<void> {
    const { keys } = this.#queues;
    const life = this.#queues.newLife(queue);
    await this.#queues.call(queue, LEAVE, life.values, { moreKeys: [...life.keys, ...keys.subscriptions(queue)] });
  }

  #call({ queue, moveEpoch }: Attempt, script: Script, values: readonly string[] = []) {
    return this.#queues.call(queue, script, [String(moveEpoch), ...values]);
  }
}

type Ten<T> = [T, T, T, T, T, T, T, T, T, T];
/** As describe_claim gives it, then the markers. */
type ClaimParts = Ten<string>;
type SubscriptionParts = [string, string, string, string, string, string, string, string];

/** Milliseconds from the one moment to the other. */
const until = (later: string, earlier: string) => (Number(later) - Number(earlier)) / 1000;
const microseconds = (milliseconds: number) => String(Math.round(milliseconds * 1000));

function readState(record: string, now: string): MovedState & { created: string; client: string | null } {
  const found = /^(\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) \S+ (.*)$/s.exec(record) as unknown as Ten<string>;
  const [, marker, created, expires, ttl, available, count, claim, reaper, client] = found;
  return {
    marker,
    created,
    client: readOptional(client),
    ttlSeconds: Number(ttl),
    claimCount: Number(count),
    claimId: claim === "-" ? null : claim,
    claimRemainingMs: claim === "-" ? null : until(reaper, now),
    remainingMs: until(expires, now),
    delayMs: Number(available) > Number(now) ? until(available, now) : null,
  };
}
