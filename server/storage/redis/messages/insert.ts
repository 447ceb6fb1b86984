import { randomUUID } from "node:crypto";
import type { Message, NewMessage } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { epochOf, type QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { script } from "../server/scripts.ts";
import { APPEND, ENTER, KEPT_KEYS, SCHEDULE } from "../server/shared-lua.ts";
import { optional } from "./records.ts";

/** Posts that share a script: beyond so many characters it only holds up the server. A message weighs this much beside its body. */
const MAX_WEIGHT = 125_000;
const MESSAGE_WEIGHT = 1000;

/** ARGV: 3 idempotency key, 4 its request, then id, ttl, delay, client and body of each message. */
const POST = script(
  `${ENTER}${SCHEDULE}${KEPT_KEYS}${APPEND}
if ARGV[3] ~= '-' then
  local request, result = kept(ARGV[3])
  if request then return {request == ARGV[4] and 'repeated' or 'reused', result} end
end
local messages, ids = {}, {}
for at = 5, #ARGV, 5 do
  local ttl, delay = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  ids[#ids + 1] = ARGV[at]
  messages[#messages + 1] = {ARGV[at], now + ttl * 1000000, ARGV[at + 1], delay > 0 and now + delay * 1000000 or 0, ARGV[at + 3], ARGV[at + 4]}
end
if #messages > 0 then append(0, messages, row[2], soonest) end
if ARGV[3] ~= '-' then keep(ARGV[3], ARGV[4], table.concat(ids, ' ')) end
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

interface Post {
  queue: QueueRef;
  values: readonly string[];
}

/** Appends messages to queues; posts to one queue that are in flight together share a script. */
export class MessageInserter {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #shared: BatchExecutor<Post, void>;

  constructor(queues: QueueRows, arrivals: Arrivals) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#shared = new BatchExecutor<Post, void>({
      maxWeight: MAX_WEIGHT,
      send: async (posts) => {
        const { queue } = posts[0] as Post;
        await queues.call(queue, POST, ["-", "", ...posts.flatMap(({ values }) => values)]);
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
    const client = optional(clientId);
    const values: string[] = [];
    const ids: string[] = [];
    let weight = 0;
    for (const { bodyText, ttlSeconds, delaySeconds } of messages) {
      const id = randomUUID();
      ids.push(id);
      values.push(id, String(ttlSeconds), String(delaySeconds), client, bodyText);
      weight += bodyText.length + MESSAGE_WEIGHT;
    }
    // Nothing to post is nothing to remember either.
    if (key !== undefined && messages.length > 0) {
      const request = digest(["post", messages, clientId]);
      const [verdict, result] = await this.#queues.call(queue, POST, [optional(key), request, ...values]);
      if (verdict === "reused") throw keyReused(key);
      if (verdict === "repeated") return { ids: (result as string).split(" ") };
    } else {
      const { calls } = this.#queues.scripts;
      calls.begin();
      // Those that share a script must mean the same life of the queue.
      const line = `${epochOf(queue)} ${this.#queues.keys.queue(queue)[0]}`;
      await this.#shared.submit(line, { queue, values }, weight).finally(() => calls.end());
    }
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
