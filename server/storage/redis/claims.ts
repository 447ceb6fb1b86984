import { DomainError, hasCode } from "../../errors.ts";
import type { Claim, ClaimController, Message, Page, PageRequest, QueueRef } from "../data-driver.ts";
import { digest, keyReused } from "../idempotency.ts";
import { normaliseUuid, uuidMarker } from "../list-markers.ts";
import { uuidV7 } from "../uuid-v7.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Reply } from "./connection.ts";
import { ageSeconds, dateOf, optional, readMessages, readOptional } from "./message-records.ts";
import type { PoolQueues } from "./pool-queues.ts";
import { script } from "./scripts.ts";
import { COMES_DUE, ENTER, KEPT_KEYS, RECORD, SCHEDULE, SETTLE_STEP } from "./shared-lua.ts";

/** Messages that one run looks at when some may not be delivered any more. */
const LOOK_AT = 2000;

/**
 * A claim's record: created, renewed, ends, ttl, grace, how many it holds, the length of its client's id, then client and actor. Beside it, under
 * the claim's id and ` held`, the ids of what it took, in order.
 */
const CLAIM_RECORD = `
local function describe_claim(id, record)
  if not record then return false end
  local created, renewed, ends, ttl, grace, held, length, rest = string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {id, created, renewed, ends, ttl, grace, held, string.sub(rest, 1, length), string.sub(rest, length + 1)}
end
local function claim_record(created, ends, ttl, grace, held, client, actor)
  return table.concat({created, NOW, digits(ends), ttl, grace, digits(held), #client, client .. actor}, ' ')
end
`;

/**
 * Holds messages until `ends`. One that would expire before lives until then and the grace. Each is {id, record, count, part}, and has its new record
 * afterwards.
 */
const HOLD = `
local function hold(messages, claim, ttl, grace)
  local ends = now + ttl * 1000000
  for some in slices(messages) do
    local claimed, expiry, records = {}, {}, {}
    for _, message in ipairs(some) do
      local id, record, count, part = unpack(message)
      local marker, created, expires, life, available, _, _, _, _, client = read_record(record)
      if tonumber(expires) < ends then
        expires = digits(ends + grace * 1000000)
        life = digits(ttl + grace)
        expiry[#expiry + 1] = expires
        expiry[#expiry + 1] = id
      end
      message[2] = table.concat({marker, created, expires, life, available, count, claim, digits(ends), part, client}, ' ')
      claimed[#claimed + 1] = digits(ends)
      claimed[#claimed + 1] = id
      records[#records + 1] = id
      records[#records + 1] = message[2]
    end
    redis.call('HSET', RECORDS, unpack(records))
    redis.call('ZADD', CLAIMED, unpack(claimed))
    if #expiry > 0 then redis.call('ZADD', EXPIRY, unpack(expiry)) end
  end
  comes_due(ends)
  return ends
end
`;

/** What a claim delivered and still holds, of the ids that it took. */
const HELD_BY = `
local function held_by(claim, taken)
  local ids, held = {}, {}
  for id in string.gmatch(taken or '', '%S+') do ids[#ids + 1] = id end
  for some in slices(ids) do
    for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      if record then
        local _, _, _, _, _, count, holder, _, part = read_record(record)
        if holder == claim and part == 'd' then held[#held + 1] = {some[place], record, count, part} end
      end
    end
  end
  return held
end
`;

/** Messages whose records are known, as a reply. */
const DESCRIBE_HELD = `
local function describe_held(messages, part)
  local ids, chosen, described = {}, {}, {}
  for _, message in ipairs(messages) do
    if message[4] == part then
      ids[#ids + 1] = message[1]
      chosen[#chosen + 1] = message
    end
  end
  for some, first in slices(ids) do
    for place, body in ipairs(redis.call('HMGET', BODIES, unpack(some))) do
      described[#described + 1] = some[place]
      described[#described + 1] = chosen[first + place - 1][2]
      described[#described + 1] = body
    end
  end
  return described
end
`;

/**
 * ARGV: 3 claim, 4 limit, 5 ttl, 6 grace, 7 client, 8 actor, 9 how often a message may be claimed or nothing, 10 whether those claimed as often
 * are taken too, 11 idempotency key, 12 its request, 13 where to look. Those that are taken but not delivered are held without a claim's record.
 */
const TAKE = script(
  `${ENTER}${SCHEDULE}${COMES_DUE}${KEPT_KEYS}${RECORD}${CLAIM_RECORD}${HOLD}${DESCRIBE_HELD}
if ARGV[11] ~= '-' then
  local request, result = kept(ARGV[11])
  if request and request ~= ARGV[12] then return {'reused'} end
  if request and redis.call('HEXISTS', CLAIMS, result) == 1 then return {'repeated', result} end
end
local wanted, most, bound = tonumber(ARGV[4]), tonumber(ARGV[9]) or math.huge, ARGV[13]
local taken, ids, delivered, looked = {}, {}, {}, 0
local step = math.min(wanted, ${SETTLE_STEP})
repeat
  local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, step)
  if #page == 0 then break end
  local records = redis.call('HMGET', RECORDS, unpack(page))
  for place, record in ipairs(records) do
    local id = page[place]
    local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
    if tonumber(count) < most then
      delivered[#delivered + 1] = id
      taken[#taken + 1] = {id, record, digits(count + 1), 'd'}
      ids[#ids + 1] = id
    elseif ARGV[10] == '1' then
      taken[#taken + 1] = {id, record, count, 'x'}
      ids[#ids + 1] = id
    end
    bound = '(' .. marker
    if #taken == wanted then break end
  end
  looked = looked + #page
until #taken == wanted or #page < step or looked >= ${LOOK_AT}
if #taken == 0 then return {'none', looked >= ${LOOK_AT} and bound or false} end
local ends = hold(taken, ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6]))
for some in slices(ids) do redis.call('ZREM', READY, unpack(some)) end
local record = false
if #delivered > 0 then
  record = claim_record(NOW, ends, ARGV[5], ARGV[6], #delivered, ARGV[7], ARGV[8])
  redis.call('HSET', CLAIMS, ARGV[3], record, ARGV[3] .. ' held', table.concat(delivered, ' '))
  redis.call('ZADD', CLAIM_ENDS, digits(ends), ARGV[3])
  redis.call('ZADD', CLAIM_IDS, 0, ARGV[3])
  if ARGV[11] ~= '-' then keep(ARGV[11], ARGV[12], ARGV[3]) end
end
return {'ok', NOW, describe_claim(ARGV[3], record), describe_held(taken, 'd'), describe_held(taken, 'x')}`,
  "writes",
);

/** The claim that ARGV[3] names, and what it took. */
const FIND_CLAIM = `
local found = redis.call('HMGET', CLAIMS, ARGV[3], ARGV[3] .. ' held')
`;

const GET = script(
  `${ENTER}${RECORD}${CLAIM_RECORD}${HELD_BY}${DESCRIBE_HELD}${FIND_CLAIM}
if not found[1] then return {'none'} end
return {'ok', NOW, describe_claim(ARGV[3], found[1]), describe_held(held_by(ARGV[3], found[2]), 'd')}`,
  "reads",
);

/** ARGV: 3 and 4 the bounds, 5 how many, 6 the direction. Those that are there are live: what ended is settled. */
const LIST = script(
  `${ENTER}${CLAIM_RECORD}
local ids = redis.call(ARGV[6], CLAIM_IDS, ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
local claims = {}
for some in slices(ids) do
  for place, record in ipairs(redis.call('HMGET', CLAIMS, unpack(some))) do
    claims[#claims + 1] = describe_claim(some[place], record)
  end
end
return {'ok', NOW, claims}`,
  "reads",
);

const RENEW = script(
  `${ENTER}${COMES_DUE}${RECORD}${CLAIM_RECORD}${HOLD}${HELD_BY}${FIND_CLAIM}
if not found[1] then return {'none'} end
local held = held_by(ARGV[3], found[2])
local ends = hold(held, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
local old = describe_claim(ARGV[3], found[1])
local record = claim_record(old[2], ends, ARGV[4], ARGV[5], #held, old[8], old[9])
redis.call('HSET', CLAIMS, ARGV[3], record)
redis.call('ZADD', CLAIM_ENDS, digits(ends), ARGV[3])
return {'ok', NOW, describe_claim(ARGV[3], record)}`,
  "writes",
);

const RELEASE = script(
  `${ENTER}${RECORD}${HELD_BY}${FIND_CLAIM}
if not found[1] then return {'ok', 0} end
local held = held_by(ARGV[3], found[2])
for some in slices(held) do
  local ids, ready, records = {}, {}, {}
  for place, message in ipairs(some) do
    local id, record, count = unpack(message)
    local marker, created, expires, ttl, available, _, _, _, _, client = read_record(record)
    ids[place] = id
    ready[#ready + 1] = marker
    ready[#ready + 1] = id
    records[#records + 1] = id
    records[#records + 1] = table.concat({marker, created, expires, ttl, available, count, '- 0 -', client}, ' ')
  end
  redis.call('HSET', RECORDS, unpack(records))
  redis.call('ZREM', CLAIMED, unpack(ids))
  redis.call('ZADD', READY, unpack(ready))
end
end_claims({ARGV[3]})
return {'ok', #held}`,
  "writes",
);

type TakeParams = Parameters<ClaimController["create"]>[0];
type Taken = Awaited<ReturnType<ClaimController["create"]>>;

/** Claims on Redis. A claim is a record and the ids of what it took; what it still holds are the messages whose records name it. */
export class RedisClaims implements ClaimController {
  readonly #queues: PoolQueues;
  readonly #arrivals: Arrivals;

  constructor(queues: PoolQueues, arrivals: Arrivals) {
    this.#queues = queues;
    this.#arrivals = arrivals;
  }

  async create(params: TakeParams): Promise<Taken> {
    const { queue, limit, ttlSeconds, graceSeconds, clientId, actor, maxClaimCount, idempotencyKey: key } = params;
    const takeExhausted = params.takeExhausted === true;
    const claimId = uuidV7();
    const request = key === undefined ? "" : digest(["claim", limit, ttlSeconds, graceSeconds, clientId]);
    const values = [
      claimId,
      String(limit),
      String(ttlSeconds),
      String(graceSeconds),
      optional(clientId),
      optional(actor),
      maxClaimCount === undefined ? "" : String(maxClaimCount),
      takeExhausted ? "1" : "0",
      optional(key),
      request,
    ];
    let bound: string | null = limit < 1 ? null : "-inf";
    while (bound !== null) {
      const [verdict, ...rest]: readonly Reply[] = await this.#queues.call(queue, TAKE, [...values, bound]);
      if (verdict === "reused") throw keyReused(key as string);
      if (verdict === "repeated") {
        const repeated = await this.#repeated(queue, rest[0] as string);
        if (repeated !== null) return repeated;
      } else if (verdict === "none") {
        bound = rest[0] as string | null;
      } else {
        const [now, claim, delivered, heldBack] = rest as [string, string[] | null, string[], string[]];
        const messages = readMessages(delivered, now);
        const exhausted = readMessages(heldBack, now);
        return { claimId, claim: claim === null ? null : readClaim(claim, now), messages, exhausted };
      }
    }
    return { claimId, claim: null, messages: [], exhausted: [] };
  }

  async get(params: { queue: QueueRef; id: string }): Promise<{ claim: Claim; messages: Message[] }> {
    const [verdict, now, claim, messages] = await this.#queues.call(params.queue, GET, [idOrNone(params.id)]);
    if (verdict === "none") throw claimDoesNotExist(params);
    return {
      claim: readClaim(claim as string[], now as string),
      messages: readMessages(messages as string[], now as string),
    };
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Claim>> {
    const { after, before, limit } = params.page;
    const backward = before !== undefined;
    const marker = before ?? after;
    const from = marker === undefined ? "-" : `(${uuidMarker(marker)}`;
    const values = [from, backward ? "-" : "+", String(limit + 1), backward ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX"];
    const [, now, found] = await this.#queues.call(params.queue, LIST, values);
    const claims = (found as string[][]).map((claim) => readClaim(claim, now as string));
    const items = claims.slice(0, limit);
    if (backward) items.reverse();
    const more = claims.length > limit;
    return {
      items,
      nextMarker: backward || more ? (items.at(-1)?.id ?? null) : null,
      previousMarker: (backward ? more : after !== undefined) ? (items[0]?.id ?? null) : null,
    };
  }

  async update(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim> {
    const values = [idOrNone(params.id), String(params.ttlSeconds), String(params.graceSeconds)];
    const [verdict, now, claim] = await this.#queues.call(params.queue, RENEW, values);
    if (verdict === "none") throw claimDoesNotExist(params);
    return readClaim(claim as string[], now as string);
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<void> {
    const [, freed] = await this.#queues.call(params.queue, RELEASE, [idOrNone(params.id)]);
    this.#arrivals.tell(params.queue, freed as number);
  }

  /** Null when it has ended meanwhile. */
  async #repeated(queue: QueueRef, claimId: string): Promise<Taken | null> {
    try {
      const { claim, messages } = await this.get({ queue, id: claimId });
      return { claimId, claim, messages, exhausted: [] };
    } catch (error) {
      if (hasCode(error, "CLAIM_DOES_NOT_EXIST")) return null;
      throw error;
    }
  }
}

/** No claim has an empty id. */
const idOrNone = (id: string) => normaliseUuid(id) ?? "";

function readClaim(parts: readonly string[], now: string): Claim {
  const [id, created, renewed, ends, ttl, grace, held, client, actor] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    id,
    ttlSeconds: Number(ttl),
    graceSeconds: Number(grace),
    ageSeconds: ageSeconds(now, renewed),
    createdAt: dateOf(created),
    renewedAt: dateOf(renewed),
    expiresAt: dateOf(ends),
    clientId: readOptional(client),
    actor: readOptional(actor),
    messageCount: Number(held),
  };
}

function claimDoesNotExist(params: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released or has expired.",
    { details: { queue: params.queue.name, claimId: params.id } },
  );
}
