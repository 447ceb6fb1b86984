import { hasCode } from "../../../errors.ts";
import { type ClaimController, carriedBytes, MAX_CARRIED_BYTES } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import { NIL } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { RESEND } from "../../resend.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import { KEPT_KEYS } from "../kept-keys-lua.ts";
import { EXHAUSTED_FRONT, LOOK_AT } from "../messages/exhausted.ts";
import { BODY_STEP, RECORD, readMessages } from "../messages/records.ts";
import { CALL, COMES_DUE, ENTER, QUEUE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { type ArgsOf, answers, script } from "../server/script.ts";
import {
  number,
  optionalNumber,
  optionalNumeral,
  optionalText,
  optionalWord,
  records,
  text,
} from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { EXPIRE_STEP, SLICES } from "../server/shared-lua.ts";
import { CLAIM_RECORD, type ClaimParts, DESCRIBE_HELD, HOLD, readClaim } from "./records.ts";

/** Claims that share a script acquire at most this many messages. */
const MAX_TAKEN = 200;

/**
 * The oldest messages go to the first claim, the next ones to the second, and so on. Dead letters (see `deadFrom`) are
 * held under the claim's id, but are not part of its record. A claim with an idempotency key does not share the script.
 *
 * Answers, for each claim: null when it acquired nothing. `stopped`: where the script stopped looking, when it passed
 * over many messages. `full`: it stopped because it carries as many bytes as it may.
 */
const ACQUIRE = script("acquire claims", {
  effect: "writes",
  keys: QUEUE,
  args: {
    ...CALL,
    // The number of claims from which a message is exhausted, and from which it is a dead letter.
    exhaustedFrom: optionalNumeral,
    deadFrom: optionalNumber,
    idempotencyKey: optionalText,
    digest: text,
    // The marker from which to look.
    from: text,
    requests: records({
      claim: text,
      limit: number,
      ttl: number,
      grace: number,
      client: optionalWord,
      actor: optionalWord,
      maxBytes: number,
    }),
  },
  uses: [ENTER, TELL, COMES_DUE, KEPT_KEYS, RECORD, CLAIM_RECORD, HOLD, DESCRIBE_HELD, SLICES, EXHAUSTED_FRONT],
  answers: answers<
    | ["reused"]
    | ["repeated", claimId: string]
    | ["ok", now: string, acquired: (AcquiredParts | null)[], stopped: string | null, full: 0 | 1]
  >(),
  lua: `
if idempotency_key ~= '-' then
  local request, result = kept(idempotency_key)
  if request and request ~= digest then return {'reused'} end
  if request and redis.call('HEXISTS', CLAIMS, result) == 1 then return {'repeated', result} end
end
local exhausted_count, dead_count, bound = tonumber(exhausted_from) or math.huge, dead_from or math.huge, from
if exhausted_from then bound = behind_front(exhausted_from, bound) end
local wanted = 0
for _, request in ipairs(requests) do
  request.ends = now + request.ttl * 1000000
  request.bytes, request.taken, request.delivered = 0, {}, {}
  wanted = wanted + request.limit
end
local taken, ids, turn, looked, bytes, full = {}, {}, 1, 0, 0, false
local step, ended = math.min(wanted, ${EXPIRE_STEP}), false
local function take(id, record, body)
  local request = requests[turn]
  local size = size_of(body)
  if #request.taken > 0 and request.bytes + size > request.max_bytes then
    turn = turn + 1
    request = requests[turn]
    if not request then return end
  end
  if #taken > 0 and bytes + size > ${MAX_CARRIED_BYTES} then
    full = true
    return
  end
  bytes, request.bytes = bytes + size, request.bytes + size
  local count = tonumber(record.count)
  record.part = count < dead_count and 'd' or 'x'
  if record.part == 'x' then
    if not string.find(record.more, ' last=', 1, true) then
      record.more = record.more .. ' last=' .. (record.claim == '-' and '${NIL}' or record.claim)
    end
  else
    record.count, record.holder, record.more = digits(count + 1), request.client, without(record.more, 'last')
    request.delivered[#request.delivered + 1] = id
  end
  local message = {id = id, record = record, request = request, body = body}
  taken[#taken + 1] = message
  request.taken[#request.taken + 1] = message
  ids[#ids + 1] = id
  if #request.taken == request.limit then turn = turn + 1 end
end
repeat
  local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, step)
  if #page == 0 then break end
  local bodies, read = {}, 0
  for index, text in ipairs(redis.call('HMGET', RECORDS, unpack(page))) do
    local record = read_record(text)
    if tonumber(record.count) < exhausted_count then
      if index > read then
        read = math.min(index + ${BODY_STEP - 1}, #page)
        for at, body in ipairs(redis.call('HMGET', BODIES, unpack(page, index, read))) do
          bodies[index + at - 1] = body
        end
      end
      take(page[index], record, bodies[index])
    end
    if full or not requests[turn] then break end
    bound = '(' .. record.marker
  end
  -- A claim that passes over some messages will probably pass over more, so the next steps are large.
  looked, ended, step = looked + #page, #page < step, ${EXPIRE_STEP}
until full or not requests[turn] or ended or looked - #taken >= ${LOOK_AT}
hold(taken)
if history then
  local events = {}
  for _, message in ipairs(taken) do
    local record, request = message.record, message.request
    if record.part == 'd' then
      events[#events + 1] = {message.id, 'claimed at=' .. NOW .. ' client=' .. request.client .. ' actor=' ..
        request.actor .. ' claim=' .. request.claim .. ' until=' .. record.ends .. ' count=' .. record.count}
    end
  end
  tell(events)
end
for some in slices(ids) do redis.call('ZREM', READY, unpack(some)) end
local claims, ends, names, acquired, first_end = {}, {}, {}, {}, math.huge
for index, request in ipairs(requests) do
  local record = false
  if #request.taken > 0 then first_end = math.min(first_end, request.ends) end
  if #request.delivered > 0 then
    record = write_claim({
      created = NOW, renewed = NOW, ends = digits(request.ends), ttl = request.ttl, grace = request.grace,
      held = #request.delivered, client = request.client, actor = request.actor, more = ''
    })
    claims[#claims + 1] = request.claim
    claims[#claims + 1] = record
    claims[#claims + 1] = request.claim .. ' held'
    claims[#claims + 1] = table.concat(request.delivered, ' ')
    ends[#ends + 1] = digits(request.ends)
    ends[#ends + 1] = request.claim
    names[#names + 1] = 0
    names[#names + 1] = request.claim
  end
  acquired[index] = #request.taken > 0
    and {describe_claim(request.claim, record), describe_held(request.taken, 'd'), describe_held(request.taken, 'x')}
end
if #claims > 0 then
  redis.call('HSET', CLAIMS, unpack(claims))
  redis.call('ZADD', CLAIM_ENDS, unpack(ends))
  redis.call('ZADD', CLAIM_IDS, unpack(names))
  if idempotency_key ~= '-' then keep(idempotency_key, digest, requests[1].claim) end
end
if #taken > 0 then comes_due(first_end) end
return {'ok', NOW, acquired, looked - #taken >= ${LOOK_AT} and bound or false, full and 1 or 0}`,
});

type AcquireParams = Parameters<ClaimController["create"]>[0];
type Acquired = Awaited<ReturnType<ClaimController["create"]>>;
type AcquiredParts = [claim: ClaimParts | null, delivered: string[], heldBack: string[]];

/** What one claim acquired. Or, when it acquired nothing, where to continue; null when there is nothing more. */
type Result = { acquired: Acquired } | { continueFrom: string | null };

interface Request {
  queue: QueueRef;
  policy: { exhaustedFrom: number | null | undefined; deadFrom: number | null | undefined };
  values: ArgsOf<typeof ACQUIRE>["requests"][number];
}

/** Acquires claims. Those on one queue that are in flight together share a script. */
export class ClaimAcquirer {
  readonly #queues: QueueRows;
  readonly #get: ClaimController["get"];
  readonly #batches: BatchExecutor<Request, Result>;

  /** `get` reads the claim of a repeated idempotency key. */
  constructor(queues: QueueRows, get: ClaimController["get"]) {
    this.#queues = queues;
    this.#get = get;
    this.#batches = new BatchExecutor({ maxWeight: MAX_TAKEN, send: (requests) => this.#acquire(requests) });
  }

  async acquire(params: AcquireParams): Promise<Acquired> {
    const { queue, limit, ttlSeconds, graceSeconds, clientId, actor, idempotencyKey: key } = params;
    const claimId = uuidV7();
    const nothing = { claimId, claim: null, messages: [], deadLetters: [] };
    if (limit < 1) return nothing;
    const request = {
      queue,
      policy: { exhaustedFrom: params.exhaustedFrom, deadFrom: params.deadLettersFrom },
      values: {
        claim: claimId,
        limit,
        ttl: ttlSeconds,
        grace: graceSeconds,
        client: clientId,
        actor,
        maxBytes: carriedBytes(params.maxBytes),
      },
    };
    if (key !== undefined) {
      const once = { key, digest: digest(["claim", limit, ttlSeconds, graceSeconds, clientId]) };
      return this.#acquireOnce(request, once, nothing);
    }
    const deadline = callDeadline();
    const { calls } = this.#queues.scripts;
    calls.begin();
    try {
      // Claims that share a script must have the same epoch of the queue and the same policy.
      const { exhaustedFrom, deadFrom } = request.policy;
      const partition = `${queue.epoch} ${exhaustedFrom} ${deadFrom} ${this.#queues.keys.row(queue)[0]}`;
      const first = await this.#batches.submit(partition, request, limit);
      return await this.#continue(request, first, { nothing, deadline });
    } finally {
      calls.end();
    }
  }

  /** Continues until the claim acquires something or nothing is left. */
  async #continue(
    request: Request,
    first: Result,
    { nothing, deadline }: { nothing: Acquired; deadline: number },
  ): Promise<Acquired> {
    let last = first;
    while ("continueFrom" in last) {
      if (last.continueFrom === null) return nothing;
      // A claim alone acquires the first message that it finds, however large: it is never RESEND.
      [last] = (await this.#acquire([request], { from: last.continueFrom, deadline })) as [Result];
    }
    return last.acquired;
  }

  /** For claims without an idempotency key, which may share the script. */
  async #acquire(
    requests: readonly Request[],
    { from = "-inf", deadline }: { from?: string; deadline?: number } = {},
  ): Promise<(Result | typeof RESEND)[]> {
    const { queue, policy } = requests[0] as Request;
    const args = { ...policy, idempotencyKey: null, digest: "", from, requests: requests.map(({ values }) => values) };
    const answer = await this.#queues.call(queue, ACQUIRE, args, { deadline });
    if (answer[0] !== "ok") throw new Error("A claim without an idempotency key has nothing to repeat.");
    const [, now, acquired, stopped, full] = answer;
    this.#count(queue, acquired);
    return acquired.map((parts, index) => {
      if (parts !== null) return { acquired: readAcquired(requests[index]?.values.claim as string, parts, now) };
      return full === 1 ? RESEND : { continueFrom: stopped };
    });
  }

  #count(queue: QueueRef, acquired: readonly (AcquiredParts | null)[]): void {
    let claimed = 0;
    // Each message is three texts.
    for (const parts of acquired) claimed += (parts?.[1].length ?? 0) / 3;
    this.#queues.counters.add(queue, "claimed", claimed);
  }

  async #acquireOnce(request: Request, once: { key: string; digest: string }, nothing: Acquired): Promise<Acquired> {
    const deadline = callDeadline();
    const { queue, policy, values } = request;
    const args = { ...policy, idempotencyKey: once.key, digest: once.digest, requests: [values] };
    let from = "-inf";
    for (;;) {
      const answer = await this.#queues.call(queue, ACQUIRE, { ...args, from }, { deadline });
      if (answer[0] === "reused") throw keyReused(once.key);
      if (answer[0] === "repeated") {
        const repeated = await this.#repeated(request, answer[1]);
        // Null: that claim has ended meanwhile. The next run acquires a new one.
        if (repeated !== null) return repeated;
        continue;
      }
      const [, now, [parts], stopped] = answer;
      if (parts) this.#count(queue, [parts]);
      if (parts) return readAcquired(nothing.claimId, parts, now);
      if (stopped === null) return nothing;
      from = stopped;
    }
  }

  async #repeated({ queue, values }: Request, claimId: string): Promise<Acquired | null> {
    try {
      const { claim, messages } = await this.#get({ queue, id: claimId, maxBytes: values.maxBytes });
      return { claimId, claim, messages, deadLetters: [] };
    } catch (error) {
      if (hasCode(error, "CLAIM_DOES_NOT_EXIST")) return null;
      throw error;
    }
  }
}

function readAcquired(claimId: string, [claim, delivered, heldBack]: AcquiredParts, now: string): Acquired {
  return {
    claimId,
    claim: claim === null ? null : readClaim(claim, now),
    messages: readMessages(delivered, now),
    deadLetters: readMessages(heldBack, now),
  };
}
