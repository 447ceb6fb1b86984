import { hasCode } from "../../../errors.ts";
import { type ClaimController, carriedBytes, MAX_CARRIED_BYTES } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { RESEND } from "../../resend.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import { countOrNothing, optional, readMessages } from "../messages/records.ts";
import { epochOf, type QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { callDeadline, script } from "../server/scripts.ts";
import {
  BODY_STEP,
  COMES_DUE,
  ENTER,
  EXHAUSTED_FRONT,
  EXPIRE_STEP,
  KEPT_KEYS,
  LOOK_AT,
  RECORD,
  SCHEDULE,
} from "../server/shared-lua.ts";
import { CLAIM_RECORD, DESCRIBE_HELD, HOLD, readClaim } from "./records.ts";

/** Messages that claims which share a script may take. */
const MAX_TAKEN = 200;
const REQUEST_FIELDS = 7;

/**
 * ARGV: 3 and 4 from which count on a message is exhausted, and a dead letter, or nothing; 5 idempotency key (of a
 * single claim), 6 its request, 7 where to look, then claim, limit, ttl, grace, client, actor and bytes of each. The
 * oldest go to the first, the next to the second, and so on. What is taken but not delivered is held without a claim's
 * record. When it has passed over many, it gives what it has. Answers nothing for a claim that took nothing; where it
 * stopped looking; and whether that was because it carries as much as it may.
 */
const TAKE = script(
  `${ENTER}${SCHEDULE}${COMES_DUE}${KEPT_KEYS}${RECORD}${CLAIM_RECORD}${HOLD}${DESCRIBE_HELD}${EXHAUSTED_FRONT}
if ARGV[5] ~= '-' then
  local request, result = kept(ARGV[5])
  if request and request ~= ARGV[6] then return {'reused'} end
  if request and redis.call('HEXISTS', CLAIMS, result) == 1 then return {'repeated', result} end
end
local exhausted_from, dead_from, bound = tonumber(ARGV[3]) or math.huge, tonumber(ARGV[4]) or math.huge, ARGV[7]
if ARGV[3] ~= '' then bound = behind_front(ARGV[3], bound) end
local requests, wanted = {}, 0
for at = 8, #ARGV, ${REQUEST_FIELDS} do
  local limit, ttl, grace = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  requests[#requests + 1] = {
    claim = ARGV[at], limit = limit, ttl = ttl, grace = grace, ends = now + ttl * 1000000,
    client = ARGV[at + 4], actor = ARGV[at + 5], max = tonumber(ARGV[at + 6]), bytes = 0, taken = {}, delivered = {}
  }
  wanted = wanted + limit
end
local taken, ids, turn, looked, bytes, full = {}, {}, 1, 0, 0, false
local step, ended = math.min(wanted, ${EXPIRE_STEP}), false
local function take(id, record, count, part, body)
  local request = requests[turn]
  local size = #body
  if #request.taken > 0 and request.bytes + size > request.max then
    turn = turn + 1
    request = requests[turn]
    if not request then return end
  end
  if #taken > 0 and bytes + size > ${MAX_CARRIED_BYTES} then
    full = true
    return
  end
  bytes, request.bytes = bytes + size, request.bytes + size
  local message = {id, record, part == 'd' and digits(count + 1) or count, part, request, body}
  if part == 'd' then request.delivered[#request.delivered + 1] = id end
  taken[#taken + 1] = message
  request.taken[#request.taken + 1] = message
  ids[#ids + 1] = id
  if #request.taken == request.limit then turn = turn + 1 end
end
repeat
  local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, step)
  if #page == 0 then break end
  local bodies, read = {}, 0
  for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(page))) do
    local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
    if tonumber(count) < exhausted_from then
      if place > read then
        read = math.min(place + ${BODY_STEP - 1}, #page)
        for at, body in ipairs(redis.call('HMGET', BODIES, unpack(page, place, read))) do bodies[place + at - 1] = body end
      end
      take(page[place], record, count, tonumber(count) < dead_from and 'd' or 'x', bodies[place])
    end
    if full or not requests[turn] then break end
    bound = '(' .. marker
  end
  -- Who passes over some is likely to pass over more.
  looked, ended, step = looked + #page, #page < step, ${EXPIRE_STEP}
until full or not requests[turn] or ended or looked - #taken >= ${LOOK_AT}
hold(taken)
for some in slices(ids) do redis.call('ZREM', READY, unpack(some)) end
local claims, ends, names, answers, first_end = {}, {}, {}, {}, math.huge
for place, request in ipairs(requests) do
  local record = false
  if #request.taken > 0 then first_end = math.min(first_end, request.ends) end
  if #request.delivered > 0 then
    record = claim_record(NOW, request.ends, request.ttl, request.grace, #request.delivered, request.client, request.actor)
    claims[#claims + 1] = request.claim
    claims[#claims + 1] = record
    claims[#claims + 1] = request.claim .. ' held'
    claims[#claims + 1] = table.concat(request.delivered, ' ')
    ends[#ends + 1] = digits(request.ends)
    ends[#ends + 1] = request.claim
    names[#names + 1] = 0
    names[#names + 1] = request.claim
  end
  answers[place] = #request.taken > 0
    and {describe_claim(request.claim, record), describe_held(request.taken, 'd'), describe_held(request.taken, 'x')}
end
if #claims > 0 then
  redis.call('HSET', CLAIMS, unpack(claims))
  redis.call('ZADD', CLAIM_ENDS, unpack(ends))
  redis.call('ZADD', CLAIM_IDS, unpack(names))
  if ARGV[5] ~= '-' then keep(ARGV[5], ARGV[6], requests[1].claim) end
end
if #taken > 0 then comes_due(first_end) end
return {'ok', NOW, answers, looked - #taken >= ${LOOK_AT} and bound or false, full and 1 or 0}`,
  "writes",
);

type TakeParams = Parameters<ClaimController["create"]>[0];
type Taken = Awaited<ReturnType<ClaimController["create"]>>;
type TakenParts = [claim: string[] | null, delivered: string[], heldBack: string[]];

/** What one claim took; or where to look on, null when there is nothing more. */
type Answer = { taken: Taken } | { lookFrom: string | null };

interface Request {
  queue: QueueRef;
  policy: readonly string[];
  values: readonly string[];
  maxBytes: number;
}

/** Takes messages for claims; claims of one queue that are in flight together share a script. */
export class ClaimAcquirer {
  readonly #queues: QueueRows;
  readonly #get: ClaimController["get"];
  readonly #shared: BatchExecutor<Request, Answer>;

  /** `get` reads the claim of a repeated idempotency key. */
  constructor(queues: QueueRows, get: ClaimController["get"]) {
    this.#queues = queues;
    this.#get = get;
    this.#shared = new BatchExecutor({ maxWeight: MAX_TAKEN, send: (requests) => this.#take(requests) });
  }

  async take(params: TakeParams): Promise<Taken> {
    const { queue, limit, ttlSeconds, graceSeconds, clientId, idempotencyKey: key } = params;
    const claimId = uuidV7();
    const nothing = { claimId, claim: null, messages: [], deadLetters: [] };
    if (limit < 1) return nothing;
    const times = [String(limit), String(ttlSeconds), String(graceSeconds)];
    const maxBytes = carriedBytes(params.maxBytes);
    const values = [claimId, ...times, optional(clientId), optional(params.actor), String(maxBytes)];
    const policy = [countOrNothing(params.exhaustedFrom), countOrNothing(params.deadLettersFrom)];
    if (key !== undefined) {
      const request = digest(["claim", limit, ttlSeconds, graceSeconds, clientId]);
      return this.#takeOnce({ queue, policy: [...policy, optional(key), request], values, maxBytes }, key, nothing);
    }
    const deadline = callDeadline();
    const { calls } = this.#queues.scripts;
    calls.begin();
    try {
      const first = { queue, policy: [...policy, "-", ""], values, maxBytes };
      // Those that share a script must mean the same life of the queue, and take by the same rule.
      const line = `${epochOf(queue)} ${policy.join(" ")} ${this.#queues.keys.queue(queue)[0]}`;
      return await this.#goOn(first, await this.#shared.submit(line, first, limit), { nothing, deadline });
    } finally {
      calls.end();
    }
  }

  /** Looks on for as long as there is more to look at. */
  async #goOn(
    request: Request,
    answer: Answer,
    { nothing, deadline }: { nothing: Taken; deadline: number },
  ): Promise<Taken> {
    let last = answer;
    while ("lookFrom" in last) {
      if (last.lookFrom === null) return nothing;
      // A claim alone always takes one if it finds one.
      [last] = (await this.#take([request], { from: last.lookFrom, deadline })) as [Answer];
    }
    return last.taken;
  }

  /** Several only without an idempotency key. */
  async #take(
    requests: readonly Request[],
    { from = "-inf", deadline }: { from?: string; deadline?: number } = {},
  ): Promise<(Answer | typeof RESEND)[]> {
    const { queue, policy } = requests[0] as Request;
    const values = requests.flatMap((request) => request.values);
    const [, now, answers, stopped, full] = await this.#queues.call(queue, TAKE, [...policy, from, ...values], {
      deadline,
    });
    return (answers as (TakenParts | null)[]).map((answer, index) => {
      if (answer !== null) return { taken: readTaken(requests[index]?.values[0] as string, answer, now as string) };
      return full === 1 ? RESEND : { lookFrom: stopped as string | null };
    });
  }

  async #takeOnce(request: Request, key: string, nothing: Taken): Promise<Taken> {
    const deadline = callDeadline();
    let from: string | null = "-inf";
    while (from !== null) {
      const values: string[] = [...request.policy, from, ...request.values];
      const [verdict, result, answers, stopped] = await this.#queues.call(request.queue, TAKE, values, { deadline });
      if (verdict === "reused") throw keyReused(key);
      if (verdict === "repeated") {
        const repeated = await this.#repeated(request, result as string);
        // Null: it has ended meanwhile.
        if (repeated !== null) return repeated;
        continue;
      }
      const [answer] = answers as [TakenParts | null];
      if (answer !== null) return readTaken(nothing.claimId, answer, result as string);
      from = stopped as string | null;
    }
    return nothing;
  }

  async #repeated({ queue, maxBytes }: Request, claimId: string): Promise<Taken | null> {
    try {
      const { claim, messages } = await this.#get({ queue, id: claimId, maxBytes });
      return { claimId, claim, messages, deadLetters: [] };
    } catch (error) {
      if (hasCode(error, "CLAIM_DOES_NOT_EXIST")) return null;
      throw error;
    }
  }
}

function readTaken(claimId: string, [claim, delivered, heldBack]: TakenParts, now: string): Taken {
  return {
    claimId,
    claim: claim === null ? null : readClaim(claim, now),
    messages: readMessages(delivered, now),
    deadLetters: readMessages(heldBack, now),
  };
}
