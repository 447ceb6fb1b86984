import { randomUUID } from "node:crypto";
import type { MessageController, NewMessage } from "../../data-driver.ts";
import { keyReused, postDigest } from "../../idempotency.ts";
import { adoptDigest, secondsUntil } from "../../messages/transfer-steps.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { KEPT_KEYS, KEPT_PARTS } from "../kept-keys-lua.ts";
import { CALL, ENTER, QUEUE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { type ArgsOf, answers, piece, script } from "../server/script.ts";
import {
  number,
  numeral,
  optionalText,
  optionalWord,
  records,
  text,
  type ValuesOf,
} from "../server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP } from "../server/shared-lua.ts";
import { carriedText, RECORD, writeDeadLettered } from "./records.ts";

/** Posts that share a script have at most this many characters. More would only block the server for longer. */
const MAX_WEIGHT = 125_000;
/** What a message weighs beside its body and headers, in characters. */
const MESSAGE_WEIGHT = 1000;

/**
 * `append` puts messages at the end of a queue; `queue` is the table of its keys. A message has id, expires, ttl,
 * available, client and body, and may have `more` fields for its record. `last` and `next` come from the queue's row.
 */
export const APPEND = piece(
  "messages at the end",
  { pieces: [CLOCK] },
  `
local function append(queue, messages, last, next)
  local marker = math.max((tonumber(last or 0)) + 1, now)
  next = tonumber(next or 0)
  local first_due, created = next, ' created=' .. NOW .. ' expires='
  for first = 1, #messages, ${EXPIRE_STEP} do
    local order, ready, delayed, expiry, records, bodies = {}, {}, {}, {}, {}, {}
    for index = first, math.min(first + ${EXPIRE_STEP - 1}, #messages) do
      local message = messages[index]
      local id, expires, available = message.id, message.expires, message.available
      local at, ends = digits(marker), digits(expires)
      order[#order + 1] = at
      order[#order + 1] = id
      expiry[#expiry + 1] = ends
      expiry[#expiry + 1] = id
      records[#records + 1] = id
      records[#records + 1] = 'marker=' .. at .. created .. ends .. ' ttl=' .. message.ttl .. ' client=' ..
        message.client .. (available > 0 and ' available=' .. digits(available) or '') .. (message.more or '')
      bodies[#bodies + 1] = id
      bodies[#bodies + 1] = message.body
      first_due = math.min(first_due, expires)
      if available > now then
        -- A message that expires before its delay ends is delayed until it expires.
        local delay_ends = math.min(available, expires)
        delayed[#delayed + 1] = digits(delay_ends)
        delayed[#delayed + 1] = id
        first_due = math.min(first_due, delay_ends)
      else
        ready[#ready + 1] = at
        ready[#ready + 1] = id
      end
      marker = marker + 1
    end
    redis.call('ZADD', queue.order, unpack(order))
    if #ready > 0 then redis.call('ZADD', queue.ready, unpack(ready)) end
    if #delayed > 0 then redis.call('ZADD', queue.delayed, unpack(delayed)) end
    redis.call('ZADD', queue.expiry, unpack(expiry))
    redis.call('HSET', queue.records, unpack(records))
    redis.call('HSET', queue.bodies, unpack(bodies))
  end
  if first_due < next then
    redis.call('HSET', queue.row, 'last', digits(marker - 1), 'next', digits(first_due))
    redis.call('ZADD', queue.due, 'LT', digits(first_due), queue.row)
  else
    redis.call('HSET', queue.row, 'last', digits(marker - 1))
  end
end
`,
);

/** The same for the queue of the script. */
const APPEND_HERE = piece(
  "messages at the end of this queue",
  {
    pieces: [ENTER, APPEND],
    keys: ["ROW", "ORDER", "READY", "DELAYED", "EXPIRY", "RECORDS", "BODIES", "DUE"],
  },
  `
local function append_here(messages)
  if #messages == 0 then return end
  local queue = {
    row = ROW, order = ORDER, ready = READY, delayed = DELAYED, expiry = EXPIRY, records = RECORDS, bodies = BODIES,
    due = DUE
  }
  append(queue, messages, last_marker, soonest)
end
`,
);

/** A post with an idempotency key does not share the script. */
const POST = script("post messages", {
  effect: "grows",
  keys: QUEUE,
  args: {
    ...CALL,
    idempotencyKey: optionalText,
    digest: text,
    messages: records({ id: text, ttl: numeral, delay: number, client: optionalWord, body: text }),
  },
  uses: [ENTER, TELL, KEPT_KEYS, APPEND_HERE],
  answers: answers<["repeated" | "reused", ids: string] | ["ok"]>(),
  lua: `
if idempotency_key ~= '-' then
  local request, result = kept(idempotency_key)
  if request then return {request == digest and 'repeated' or 'reused', result} end
end
for _, message in ipairs(messages) do
  message.expires = now + message.ttl * 1000000
  message.available = message.delay > 0 and now + message.delay * 1000000 or 0
end
append_here(messages)
if history then
  local events = {}
  for index, message in ipairs(messages) do
    local delay = message.available > now and ' until=' .. digits(message.available) or ''
    events[index] = {message.id, 'posted at=' .. NOW .. ' client=' .. message.client .. delay}
  end
  tell(events)
end
if idempotency_key ~= '-' then
  local ids = {}
  for index, message in ipairs(messages) do ids[index] = message.id end
  keep(idempotency_key, digest, table.concat(ids, ' '))
end
return {'ok'}`,
});

/**
 * A message from another queue. `remaining`: time until it expires, in microseconds; `delay`: until its delay ends.
 * `more`: see RECORD.
 */
export const ADOPTED = {
  id: text,
  remaining: number,
  delay: number,
  ttl: numeral,
  client: optionalWord,
  more: text,
  body: text,
};
export type Adopted = ValuesOf<typeof ADOPTED>;

/** A message that the queue already has stays as it is. Unless it is held back, its copy counts as appended. */
const ADOPT = script("adopt messages", {
  effect: "grows",
  keys: QUEUE,
  args: { ...CALL, from: optionalWord, idempotencyKey: optionalText, digest: text, messages: records(ADOPTED) },
  uses: [ENTER, TELL, RECORD, KEPT_KEYS, KEPT_PARTS, APPEND_HERE],
  answers: answers<["ok", adopted: number, before: string[], busy: string[]] | ["reused"]>(),
  lua: `
local before, is_kept, next_key = kept_parts(idempotency_key, digest)
if not before then return {'reused'} end
local fresh, ids, busy = {}, {}, {}
for _, message in ipairs(messages) do
  if not is_kept[message.id] then
    local record = redis.call('HGET', RECORDS, message.id)
    if record and read_record(record).part == 'x' then
      busy[#busy + 1] = message.id
    else
      ids[#ids + 1] = message.id
    end
    if not record then
      message.expires, message.available = now + message.remaining, message.delay > 0 and now + message.delay or 0
      fresh[#fresh + 1] = message
    end
  end
end
append_here(fresh)
if next_key and #ids > 0 then keep(next_key, digest, table.concat(ids, ' ')) end
if history then
  local events = {}
  for index, message in ipairs(fresh) do
    events[index] = {message.id, 'arrived at=' .. NOW .. ' other=' .. from}
  end
  tell(events)
end
return {'ok', #fresh, before, busy}`,
});

type Adopt = Parameters<MessageController["adopt"]>[0];

interface Post {
  queue: QueueRef;
  messages: ArgsOf<typeof POST>["messages"];
}

/** Appends messages to queues. Posts to one queue that are in flight together share a script. */
export class MessageInserter {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #batches: BatchExecutor<Post, void>;

  constructor(queues: QueueRows, arrivals: Arrivals) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#batches = new BatchExecutor<Post, void>({
      maxWeight: MAX_WEIGHT,
      send: async (posts) => {
        const { queue } = posts[0] as Post;
        const messages = posts.length === 1 ? (posts[0] as Post).messages : posts.flatMap((post) => post.messages);
        await queues.call(queue, POST, { idempotencyKey: null, digest: "", messages });
        queues.counters.add(queue, "posted", messages.length);
        return [];
      },
    });
  }

  async post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    const { queue, messages, clientId, idempotencyKey: key } = params;
    const posted = messages.map(({ bodyText, headers, ttlSeconds, delaySeconds }) => ({
      id: randomUUID(),
      ttl: ttlSeconds,
      delay: delaySeconds,
      client: clientId,
      body: carriedText(bodyText, headers),
    }));
    // An empty post has no result to remember.
    if (key !== undefined && posted.length > 0) {
      const request = { idempotencyKey: key, digest: postDigest(messages, clientId), messages: posted };
      const [verdict, ids] = await this.#queues.call(queue, POST, request);
      if (verdict === "reused") throw keyReused(key);
      if (verdict === "repeated") return { ids: (ids as string).split(" ") };
      this.#queues.counters.add(queue, "posted", posted.length);
    } else {
      const weight = posted.reduce((sum, { body }) => sum + body.length + MESSAGE_WEIGHT, 0);
      const { calls } = this.#queues.scripts;
      calls.begin();
      // Posts that share a script must have the same epoch of the queue.
      const partition = `${queue.epoch} ${this.#queues.keys.row(queue)[0]}`;
      await this.#batches.submit(partition, { queue, messages: posted }, weight).finally(() => calls.end());
    }
    this.#arrivals.tell(queue, posted.length);
    return { ids: posted.map(({ id }) => id) };
  }

  async adopt({ queue, messages, ttlSeconds, ...source }: Adopt): Promise<string[]> {
    const adopted = messages.map((message) => ({
      id: message.id,
      remaining: Math.round((ttlSeconds ?? secondsUntil(message, message.expiresAt)) * 1_000_000),
      delay: Math.round(secondsUntil(message, message.delayedUntil) * 1_000_000),
      ttl: ttlSeconds ?? message.ttlSeconds,
      client: message.clientId,
      more: writeDeadLettered(message.deadLettered),
      body: carriedText(message.bodyText, message.headers),
    }));
    return this.append(queue, adopted, source);
  }

  /** Appends messages of another queue: see `adopt`. */
  async append(
    queue: QueueRef,
    messages: readonly Adopted[],
    { from, idempotencyKey }: Pick<Adopt, "from"> & { idempotencyKey?: string | undefined },
  ): Promise<string[]> {
    const request = { from, idempotencyKey, digest: adoptDigest(from), messages };
    const [verdict, adopted, before, busy] = await this.#queues.call(queue, ADOPT, request);
    if (verdict === "reused") throw keyReused(idempotencyKey ?? "");
    this.#queues.counters.add(queue, "posted", adopted);
    this.#arrivals.tell(queue, adopted);
    const left = new Set(busy);
    return [...new Set([...before, ...messages.map(({ id }) => id).filter((id) => !left.has(id))])];
  }
}
