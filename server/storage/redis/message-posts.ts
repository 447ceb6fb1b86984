import { randomUUID } from "node:crypto";
import type { Message, NewMessage, QueueRef } from "../data-driver.ts";
import { digest, keyReused } from "../idempotency.ts";
import type { Arrivals } from "./arrivals.ts";
import { optional } from "./message-records.ts";
import type { PoolQueues } from "./pool-queues.ts";
import { script } from "./scripts.ts";
import { APPEND, ENTER, KEPT_KEYS, SCHEDULE } from "./shared-lua.ts";

/** ARGV: 3 client, 4 idempotency key, 5 its request, then id, ttl, delay and body of each message. */
const POST = script(
  `${ENTER}${SCHEDULE}${KEPT_KEYS}${APPEND}
if ARGV[4] ~= '-' then
  local request, result = kept(ARGV[4])
  if request then return {request == ARGV[5] and 'repeated' or 'reused', result} end
end
local messages, ids = {}, {}
for at = 6, #ARGV, 4 do
  local ttl, delay = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  ids[#ids + 1] = ARGV[at]
  messages[#messages + 1] = {ARGV[at], now + ttl * 1000000, ARGV[at + 1], delay > 0 and now + delay * 1000000 or 0, ARGV[3], ARGV[at + 3]}
end
if #messages > 0 then append(0, messages, row[2], soonest) end
if ARGV[4] ~= '-' then keep(ARGV[4], ARGV[5], table.concat(ids, ' ')) end
return {'ok'}`,
  "grows",
);

/** Values of each message in ADOPT. */
export const ADOPT_FIELDS = 5;

/** ARGV: 3 and on: id, microseconds left, ttl, client and body of each message. One that is there already stays as it is. */
const ADOPT = script(
  `${ENTER}${APPEND}
local messages = {}
for at = 3, #ARGV, ${ADOPT_FIELDS} do
  if redis.call('HEXISTS', RECORDS, ARGV[at]) == 0 then
    messages[#messages + 1] = {ARGV[at], now + ARGV[at + 1], ARGV[at + 2], 0, ARGV[at + 3], ARGV[at + 4]}
  end
end
if #messages > 0 then append(0, messages, row[2], soonest) end
return {'ok', #messages}`,
  "grows",
);

/** Appends messages to queues. */
export class MessagePosts {
  readonly #queues: PoolQueues;
  readonly #arrivals: Arrivals;

  constructor(queues: PoolQueues, arrivals: Arrivals) {
    this.#queues = queues;
    this.#arrivals = arrivals;
  }

  async post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    const { queue, messages, clientId, idempotencyKey } = params;
    // Nothing to post is nothing to remember either.
    const key = messages.length === 0 ? undefined : idempotencyKey;
    const request = key === undefined ? "" : digest(["post", messages, clientId]);
    const values = [optional(clientId), optional(key), request];
    const ids: string[] = [];
    for (const { bodyText, ttlSeconds, delaySeconds } of messages) {
      const id = randomUUID();
      ids.push(id);
      values.push(id, String(ttlSeconds), String(delaySeconds), bodyText);
    }
    const [verdict, result] = await this.#queues.call(queue, POST, values);
    if (verdict === "reused") throw keyReused(key as string);
    if (verdict === "repeated") return { ids: (result as string).split(" ") };
    this.#arrivals.tell(queue, ids.length);
    return { ids };
  }

  async adopt(params: { queue: QueueRef; messages: readonly Message[]; ttlSeconds: number | null }): Promise<void> {
    const { queue, messages, ttlSeconds } = params;
    const values = messages.flatMap((message) => [
      message.id,
      String(Math.round((ttlSeconds ?? remainingSeconds(message)) * 1_000_000)),
      String(ttlSeconds ?? message.ttlSeconds),
      optional(message.clientId),
      message.bodyText,
    ]);
    await this.append(queue, values);
  }

  /** Appends what ADOPT takes. */
  async append(queue: QueueRef, values: readonly string[]): Promise<void> {
    const [, adopted] = await this.#queues.call(queue, ADOPT, values);
    this.#arrivals.tell(queue, adopted as number);
  }
}

/** Seconds that the message has left, by its own store's clock. */
function remainingSeconds(message: Message): number {
  const now = message.createdAt.getTime() + message.ageSeconds * 1000;
  return Math.max(0, (message.expiresAt.getTime() - now) / 1000);
}
