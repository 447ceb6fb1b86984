import { DomainError } from "../../../errors.ts";
import { type Claim, type ClaimController, carriedBytes, type Message } from "../../data-driver.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { markerField, normaliseUuid, numberMarker, pageOf, uuidMarker } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { readMessages } from "../messages/records.ts";
import type { QueueRows } from "../queue-rows.ts";
import { script } from "../server/scripts.ts";
import { BODY_STEP, COMES_DUE, ENTER, RECORD } from "../server/shared-lua.ts";
import { ClaimAcquirer } from "./acquire.ts";
import { CLAIM_RECORD, DESCRIBE_HELD, HELD_BY, HOLD, readClaim } from "./records.ts";

/** The claim that ARGV[3] names, and what it took. */
const FIND_CLAIM = `
local found = redis.call('HMGET', CLAIMS, ARGV[3], ARGV[3] .. ' held')
`;

/** ARGV: 4 after which marker, 5 how many bytes. */
const GET = script(
  `${ENTER}${RECORD}${CLAIM_RECORD}${HELD_BY}${DESCRIBE_HELD}${FIND_CLAIM}
if not found[1] then return {'none'} end
local held, bytes = {}, 0
for _, message in ipairs(held_by(ARGV[3], found[2])) do
  if tonumber((read_record(message[2]))) > tonumber(ARGV[4]) then held[#held + 1] = message end
end
for first = 1, #held, ${BODY_STEP} do
  local ids = {}
  for place = first, math.min(first + ${BODY_STEP - 1}, #held) do ids[#ids + 1] = held[place][1] end
  for place, body in ipairs(redis.call('HMGET', BODIES, unpack(ids))) do
    bytes = bytes + #body
    if bytes <= tonumber(ARGV[5]) or first + place == 2 then held[first + place - 1][6] = body end
  end
  if bytes > tonumber(ARGV[5]) then break end
end
return {'ok', NOW, describe_claim(ARGV[3], found[1]), describe_held(held, 'd')}`,
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
local request = {claim = ARGV[3], ttl = tonumber(ARGV[4]), grace = tonumber(ARGV[5]), ends = now + ARGV[4] * 1000000}
for _, message in ipairs(held) do message[5] = request end
hold(held)
comes_due(request.ends)
local old = describe_claim(ARGV[3], found[1])
local record = claim_record(old[2], request.ends, ARGV[4], ARGV[5], #held, old[8], old[9])
redis.call('HSET', CLAIMS, ARGV[3], record)
redis.call('ZADD', CLAIM_ENDS, digits(request.ends), ARGV[3])
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
  note(ids)
  redis.call('HSET', RECORDS, unpack(records))
  redis.call('ZREM', CLAIMED, unpack(ids))
  redis.call('ZADD', READY, unpack(ready))
end
end_claims({ARGV[3]})
return {'ok', #held}`,
  "writes",
);

/** Claims on Redis. A claim is a record and the ids of what it took; what it still holds are the messages whose records name it. */
export class RedisClaims implements ClaimController {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #takes: ClaimAcquirer;

  constructor(queues: QueueRows, arrivals: Arrivals) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#takes = new ClaimAcquirer(queues, (params) => this.get(params));
  }

  create(params: Parameters<ClaimController["create"]>[0]): ReturnType<ClaimController["create"]> {
    return this.#takes.take(params);
  }

  async get(params: {
    queue: QueueRef;
    id: string;
    after?: string;
    maxBytes?: number;
  }): Promise<{ claim: Claim; messages: Message[] }> {
    const values = [idOrNone(params.id), numberMarker(params.after ?? "0"), String(carriedBytes(params.maxBytes))];
    const [verdict, now, claim, messages] = await this.#queues.call(params.queue, GET, values);
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
    const from = marker === undefined ? "-" : `(${uuidMarker(marker, markerField(params.page))}`;
    const values = [from, backward ? "-" : "+", String(limit + 1), backward ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX"];
    const [, now, found] = await this.#queues.call(params.queue, LIST, values);
    const claims = (found as string[][]).map((claim) => readClaim(claim, now as string));
    return pageOf(claims, params.page, ({ id }) => id);
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
}

/** No claim has an empty id. */
const idOrNone = (id: string) => normaliseUuid(id) ?? "";

function claimDoesNotExist(params: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released or has expired.",
    { details: { queue: params.queue.name, claimId: params.id } },
  );
}
