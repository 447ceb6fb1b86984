import { DomainError } from "../../../errors.ts";
import { type Claim, type ClaimController, carriedBytes, type Message } from "../../data-driver.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { normaliseUuid, numberMarker, pageOf } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { idRange } from "../id-range.ts";
import { BODY_STEP, isCutByRoom, MAX_ROOM, RECORD, readMessages } from "../messages/records.ts";
import { CALL, COMES_DUE, END_CLAIMS, ENTER, NOTE, QUEUE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, piece, script } from "../server/script.ts";
import { number, numeral, text } from "../server/script-parameters.ts";
import { SLICES } from "../server/shared-lua.ts";
import { ClaimAcquirer } from "./acquire.ts";
import { CLAIM_RECORD, type ClaimParts, DESCRIBE_HELD, HELD_BY, HOLD, readClaim } from "./records.ts";
import { releaseMessages } from "./release-messages.ts";

/** Reads the claim that the argument `claim` names: its record, and the ids of the messages that it acquired. */
const FIND_CLAIM = piece(
  "the claim",
  { keys: ["CLAIMS"], args: ["claim"] },
  `
local found, taken = unpack(redis.call('HMGET', CLAIMS, claim, claim .. ' held'))
`,
);

/**
 * Messages with a marker above `after`: at most `maxBytes` of them, but at least one if there is any, unless that one
 * alone passes `room`.
 */
const GET = script("get a claim", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, claim: text, after: text, maxBytes: number, room: number },
  uses: [ENTER, RECORD, CLAIM_RECORD, HELD_BY, DESCRIBE_HELD, FIND_CLAIM],
  answers: answers<["none"] | ["ok", now: string, claim: ClaimParts, messages: string[], leftOut: 0 | 1]>(),
  lua: `
if not found then return {'none'} end
local held, bytes, left_out = {}, 0, 0
for _, message in ipairs(held_by(claim, taken)) do
  if tonumber(message.record.marker) > tonumber(after) then held[#held + 1] = message end
end
for first = 1, #held, ${BODY_STEP} do
  local ids = {}
  for index = first, math.min(first + ${BODY_STEP - 1}, #held) do ids[#ids + 1] = held[index].id end
  for index, body in ipairs(redis.call('HMGET', BODIES, unpack(ids))) do
    bytes = bytes + size_of(body)
    if bytes <= max_bytes or (first + index == 2 and bytes <= room) then
      held[first + index - 1].body = body
    else
      left_out = 1
    end
  end
  if bytes > max_bytes then
    if first + ${BODY_STEP} <= #held then left_out = 1 end
    break
  end
end
return {'ok', NOW, describe_claim(claim, found), describe_held(held, 'd'), left_out}`,
});

/** Lists live claims only: claims that are due have ended before. */
const LIST = script("list claims", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, command: text, from: text, to: text, limit: numeral },
  uses: [ENTER, CLAIM_RECORD, SLICES],
  answers: answers<["ok", now: string, claims: ClaimParts[]]>(),
  lua: `
local ids = redis.call(command, CLAIM_IDS, from, to, 'LIMIT', 0, limit)
local claims = {}
for some in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', CLAIMS, unpack(some))) do
    claims[#claims + 1] = describe_claim(some[index], record)
  end
end
return {'ok', NOW, claims}`,
});

const RENEW = script("renew a claim", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, claim: text, ttl: numeral, grace: numeral },
  uses: [ENTER, TELL, COMES_DUE, CLAIM_RECORD, HOLD, HELD_BY, FIND_CLAIM],
  answers: answers<["none"] | ["ok", now: string, claim: ClaimParts]>(),
  lua: `
if not found then return {'none'} end
local held = held_by(claim, taken)
local request = {claim = claim, ttl = tonumber(ttl), grace = tonumber(grace), ends = now + ttl * 1000000}
for _, message in ipairs(held) do message.request = request end
hold(held)
comes_due(request.ends)
local renewed = read_claim(found)
renewed.renewed, renewed.ends, renewed.ttl, renewed.grace, renewed.held = NOW, digits(request.ends), ttl, grace, #held
if history then
  local events = {}
  for index, message in ipairs(held) do
    events[index] = {message.id, 'renewed at=' .. NOW .. ' client=' .. message.record.holder .. ' actor=' ..
      renewed.actor .. ' claim=' .. claim .. ' until=' .. digits(request.ends) .. ' count=' .. message.record.count}
  end
  tell(events)
end
local record = write_claim(renewed)
redis.call('HSET', CLAIMS, claim, record)
redis.call('ZADD', CLAIM_ENDS, digits(request.ends), claim)
return {'ok', NOW, describe_claim(claim, record)}`,
});

const RELEASE = script("release a claim", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, claim: text },
  uses: [ENTER, TELL, RECORD, HELD_BY, NOTE, END_CLAIMS, SLICES, FIND_CLAIM],
  answers: answers<["ok", released: number]>(),
  lua: `
if not found then return {'ok', 0} end
local held = held_by(claim, taken)
if history then
  local events = {}
  for index, message in ipairs(held) do
    events[index] = {message.id, 'released at=' .. NOW .. ' client=' .. message.record.holder .. ' claim=' .. claim}
  end
  tell(events)
end
for some in slices(held) do
  local ids, ready, records = {}, {}, {}
  for index, message in ipairs(some) do
    local id, record = message.id, message.record
    record.claim, record.ends, record.part = '-', '0', '-'
    ids[index] = id
    ready[#ready + 1] = record.marker
    ready[#ready + 1] = id
    records[#records + 1] = id
    records[#records + 1] = write_record(record)
  end
  note(ids)
  redis.call('HSET', RECORDS, unpack(records))
  redis.call('ZREM', CLAIMED, unpack(ids))
  redis.call('ZADD', READY, unpack(ready))
end
end_claims({claim})
return {'ok', #held}`,
});

/**
 * Claims on Redis. A claim is a record, and the ids of the messages that it acquired. It still holds those messages
 * whose records name it.
 */
export class RedisClaims implements ClaimController {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #acquirer: ClaimAcquirer;
  readonly releaseMessages: ClaimController["releaseMessages"];

  constructor(queues: QueueRows, arrivals: Arrivals) {
    this.releaseMessages = releaseMessages(queues, arrivals);
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#acquirer = new ClaimAcquirer(queues, (params) => this.get(params));
  }

  create(params: Parameters<ClaimController["create"]>[0]): ReturnType<ClaimController["create"]> {
    return this.#acquirer.acquire(params);
  }

  async get(params: GetParams): Promise<{ claim: Claim; messages: Message[] }> {
    return (await this.getWithin(params, MAX_ROOM)) as { claim: Claim; messages: Message[] };
  }

  /** Null as for `RedisMessages.listWithin`. */
  async getWithin(params: GetParams, room: number): Promise<{ claim: Claim; messages: Message[] } | null> {
    const pageBytes = carriedBytes(params.maxBytes);
    const answer = await this.#queues.call(params.queue, GET, {
      claim: idOrNone(params.id),
      after: numberMarker(params.after ?? "0"),
      maxBytes: Math.min(pageBytes, room),
      room,
    });
    if (answer[0] === "none") throw claimDoesNotExist(params);
    const [, now, claim, parts, leftOut] = answer;
    const messages = readMessages(parts, now);
    if (leftOut === 1 && isCutByRoom(messages, pageBytes, room)) return null;
    return { claim: readClaim(claim, now), messages };
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Claim>> {
    const [, now, found] = await this.#queues.call(params.queue, LIST, idRange(params.page));
    const claims = found.map((claim) => readClaim(claim, now));
    return pageOf(claims, params.page, ({ id }) => id);
  }

  async update(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim> {
    const { ttlSeconds: ttl, graceSeconds: grace } = params;
    const answer = await this.#queues.call(params.queue, RENEW, { claim: idOrNone(params.id), ttl, grace });
    if (answer[0] === "none") throw claimDoesNotExist(params);
    const [, now, claim] = answer;
    return readClaim(claim, now);
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<void> {
    const [, released] = await this.#queues.call(params.queue, RELEASE, { claim: idOrNone(params.id) });
    this.#queues.counters.add(params.queue, "released", released);
    this.#arrivals.tell(params.queue, released);
  }
}

type GetParams = Parameters<ClaimController["get"]>[0];

/** No claim has an empty id, so "" finds none. */
const idOrNone = (id: string) => normaliseUuid(id) ?? "";

function claimDoesNotExist(params: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released or has expired.",
    { details: { queue: params.queue.name, claimId: params.id } },
  );
}
