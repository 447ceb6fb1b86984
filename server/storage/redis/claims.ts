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
import { DESCRIBE, ENTER, KEPT_KEYS, RECORD, SCHEDULE } from "./shared-lua.ts";

/** Messages that one run looks at when some may not be delivered any more. */
const LOOK_AT = 2000;

/** A claim's record: created, renewed, ends, ttl, grace, how many it holds, the length of its client's id, then client and actor. */
const CLAIM_RECORD = `
local function describe_claim(id)
  local record = redis.call('HGET', CLAIMS, id)
  if not record then return false end
  local created, renewed, ends, ttl, grace, held, length, rest = string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {id, created, renewed, ends, ttl, grace, held, string.sub(rest, 1, length), string.sub(rest, length + 1)}
end
local function write_claim(id, created, ends, ttl, grace, held, client, actor)
  redis.call('HSET', CLAIMS, id, table.concat({created, NOW, digits(ends), ttl, grace, digits(held), #client, client .. actor}, ' '))
  redis.call('ZADD', CLAIM_ENDS, digits(ends), id)
  redis.call('ZADD', CLAIM_IDS, 0, id)
  schedule(ends)
end
`;

/** Holds messages until \`ends\`. One that would expire before lives until then and the grace. Each is {id, record, count, part}. */
const HOLD = `
local function hold(messages, claim, ttl, grace)
  local ends = now + ttl * 1000000
  for first = 1, #messages, 500 do
    local claimed, expiry, records = {}, {}, {}
    for place = first, math.min(first + 499, #messages) do
      local id, record, count, part = unpack(messages[place])
      local marker, created, expires, life, available, _, _, _, _, client = read_record(record)
      if tonumber(expires) < ends then
        expires = digits(ends + grace * 1000000)
        life = digits(ttl + grace)
        expiry[#expiry + 1] = expires
        expiry[#expiry + 1] = id
      end
      claimed[#claimed + 1] = digits(ends)
      claimed[#claimed + 1] = id
      records[#records + 1] = id
      records[#records + 1] = table.concat({marker, created, expires, life, available, count, claim, digits(ends), part, client}, ' ')
    end
    redis.call('HSET', RECORDS, unpack(records))
    redis.call('ZADD', CLAIMED, unpack(claimed))
    if #expiry > 0 then redis.call('ZADD', EXPIRY, unpack(expiry)) end
  end
  return ends
end
local function held_by(claim)
  local held = {}
  for id in string.gmatch(redis.call('HGET', HOLDINGS, claim) or '', '%S+') do
    local record = redis.call('HGET', RECORDS, id)
    if record then
      local _, _, _, _, _, count, holder, _, part = read_record(record)
      if holder == claim and part == 'd' then held[#held + 1] = {id, record, count, part} end
    end
  end
  return held
end
`;

/**
 * ARGV: 3 claim, 4 limit, 5 ttl, 6 grace, 7 client, 8 actor, 9 how often a message may be claimed or nothing, 10 whether those claimed as often
 * are taken too, 11 idempotency key, 12 its request, 13 where to look. Those that are taken but not delivered are held without a claim's record.
 */
const TAKE = script(
  `${ENTER}${SCHEDULE}${KEPT_KEYS}${RECORD}${DESCRIBE}${CLAIM_RECORD}${HOLD}
if ARGV[11] ~= '-' then
  local request, result = kept(ARGV[11])
  if request and request ~= ARGV[12] then return {'reused'} end
  if request and redis.call('HEXISTS', CLAIMS, result) == 1 then return {'repeated', result} end
end
local wanted, most, bound = tonumber(ARGV[4]), tonumber(ARGV[9]) or math.huge, ARGV[13]
local taken, delivered, kept_back, looked = {}, {}, {}, 0
local step = math.min(wanted, 500)
repeat
  local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  for at = 1, #page, 2 do
    local id = page[at]
    local record = redis.call('HGET', RECORDS, id)
    local count = tonumber((select(6, read_record(record))))
    if count < most then
      delivered[#delivered + 1] = id
      taken[#taken + 1] = {id, record, digits(count + 1), 'd'}
    elseif ARGV[10] == '1' then
      kept_back[#kept_back + 1] = id
      taken[#taken + 1] = {id, record, digits(count), 'x'}
    end
    bound = '(' .. page[at + 1]
    if #taken == wanted then break end
  end
  looked = looked + #page / 2
until #taken == wanted or #page < 2 * step or looked >= ${LOOK_AT}
if #taken == 0 then return {'none', looked >= ${LOOK_AT} and bound or false} end
local ends = hold(taken, ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6]))
for first = 1, #taken, 500 do
  local ids = {}
  for place = first, math.min(first + 499, #taken) do ids[#ids + 1] = taken[place][1] end
  redis.call('ZREM', READY, unpack(ids))
end
if #delivered > 0 then
  redis.call('HSET', HOLDINGS, ARGV[3], table.concat(delivered, ' '))
  write_claim(ARGV[3], NOW, ends, ARGV[5], ARGV[6], #delivered, ARGV[7], ARGV[8])
  if ARGV[11] ~= '-' then keep(ARGV[11], ARGV[12], ARGV[3]) end
end
return {'ok', NOW, describe_claim(ARGV[3]), describe(delivered), describe(kept_back)}`,
  "writes",
);

const GET = script(
  `${ENTER}${SCHEDULE}${RECORD}${DESCRIBE}${CLAIM_RECORD}${HOLD}
local claim = describe_claim(ARGV[3])
if not claim then return {'none'} end
local ids = {}
for place, message in ipairs(held_by(ARGV[3])) do ids[place] = message[1] end
return {'ok', NOW, claim, describe(ids)}`,
  "reads",
);

/** ARGV: 3 and 4 the bounds, 5 how many, 6 the direction. Those that are there are live: what ended is settled. */
const LIST = script(
  `${ENTER}${SCHEDULE}${CLAIM_RECORD}
local claims = {}
for place, id in ipairs(redis.call(ARGV[6], CLAIM_IDS, ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])) do claims[place] = describe_claim(id) end
return {'ok', NOW, claims}`,
  "reads",
);

const RENEW = script(
  `${ENTER}${SCHEDULE}${RECORD}${CLAIM_RECORD}${HOLD}
local claim = describe_claim(ARGV[3])
if not claim then return {'none'} end
local held = held_by(ARGV[3])
local ends = hold(held, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
write_claim(ARGV[3], claim[2], ends, ARGV[4], ARGV[5], #held, claim[8], claim[9])
return {'ok', NOW, describe_claim(ARGV[3])}`,
  "writes",
);

const RELEASE = script(
  `${ENTER}${SCHEDULE}${RECORD}${HOLD}
local held = held_by(ARGV[3])
for _, message in ipairs(held) do
  local id, record, count = unpack(message)
  local marker, created, expires, ttl, available, _, _, _, _, client = read_record(record)
  redis.call('HSET', RECORDS, id, table.concat({marker, created, expires, ttl, available, count, '- 0 -', client}, ' '))
  redis.call('ZREM', CLAIMED, id)
  redis.call('ZADD', READY, marker, id)
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
    const request =
      key === undefined
        ? ""
        : digest([
            "claim",
            limit,
            ttlSeconds,
            graceSeconds,
            clientId,
            actor ?? null,
            maxClaimCount ?? null,
            takeExhausted,
          ]);
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
