import { DomainError } from "../../../errors.ts";
import type { ActivityReads } from "../../activity.ts";
import {
  carriedBytes,
  type DeleteOutcome,
  type Message,
  type MessageController,
  type NewMessage,
} from "../../data-driver.ts";
import { MAX_KEPT_POPS_BYTES } from "../../idempotency.ts";
import type { Page } from "../../list-pages.ts";
import { numberRange, pageOfAll, validUuids } from "../../list-pages.ts";
import { messageBytes } from "../../messages/message-headers.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { CountedQueue, QueueStats } from "../../queue-stats.ts";
import type { Arrivals } from "../arrivals.ts";
import { CALL, ENTER, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type AnswerOf, answers, script } from "../server/script.ts";
import { flag, list, number, optionalNumeral, optionalWord, text } from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { countMessages } from "./count.ts";
import { MessageDeleter } from "./delete.ts";
import { EXHAUSTED_FRONT, LOOK_AT } from "./exhausted.ts";
import { holdMessages } from "./hold.ts";
import { MessageInserter } from "./insert.ts";
import { popMessages } from "./pop.ts";
import { purgeMessages } from "./purge.ts";
import { DESCRIBE, isCutByRoom, MAX_ROOM, RECORD, readMessages } from "./records.ts";
import { removeCopiedMessages } from "./remove-copied.ts";
import { selectMessages } from "./select.ts";
import { QueueStatistics } from "./statistics.ts";
import { MessageMoves } from "./transfer.ts";

/**
 * Lists messages after `from`, in either direction. Ready messages have a set of their own, so leaving out both claimed
 * and delayed ones costs nothing. All other filters look at each message.
 *
 * Answers where it stopped when it has looked at enough messages; the caller continues from there. `leftOut`: it left
 * messages out because of their bytes.
 */
const LIST = script("list messages", {
  effect: "reads",
  keys: QUEUE,
  args: {
    ...CALL,
    forward: flag,
    from: text,
    limit: number,
    includeClaimed: flag,
    includeDelayed: flag,
    exceptClient: optionalWord,
    maxBytes: number,
    // See `describe`.
    room: number,
    // The number of claims from which a message is exhausted, and left out. None: never.
    exhaustedFrom: optionalNumeral,
  },
  uses: [ENTER, RECORD, DESCRIBE, EXHAUSTED_FRONT],
  answers: answers<["ok", now: string, messages: string[], stopped: string | null, leftOut: 0 | 1]>(),
  lua: `
local exhausted_count = tonumber(exhausted_from) or math.huge
local set = (include_claimed or include_delayed) and ORDER or READY
local filters = except_client ~= '-' or include_claimed ~= include_delayed or exhausted_from
local bound, last, found, looked = from, '-inf', {}, 0
if exhausted_from and set == READY then
  if forward then bound = behind_front(exhausted_from, bound) else last = behind_front(exhausted_from, last) end
end
local function is_kept(record)
  record = read_record(record)
  if except_client ~= '-' and record.client == except_client then return false end
  if tonumber(record.ends) > now then return include_claimed end
  if available_at(record) > now then return include_delayed end
  return tonumber(record.count) < exhausted_count
end
local step = filters and ${LOOK_AT / 4} or limit
repeat
  local page
  if forward then
    page = redis.call('ZRANGEBYSCORE', set, bound, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  else
    page = redis.call('ZREVRANGEBYSCORE', set, bound, last, 'WITHSCORES', 'LIMIT', 0, step)
  end
  local ids, records = {}, {}
  for at = 1, #page, 2 do ids[#ids + 1] = page[at] end
  if filters and #ids > 0 then records = redis.call('HMGET', RECORDS, unpack(ids)) end
  for index, id in ipairs(ids) do
    if not filters or is_kept(records[index]) then found[#found + 1] = id end
    bound = '(' .. page[2 * index]
    if #found == limit then break end
  end
  looked = looked + #page / 2
until #found == limit or #page < 2 * step or looked >= ${LOOK_AT}
local stopped = #found < limit and looked >= ${LOOK_AT}
local described, count = describe(found, max_bytes, room)
return {'ok', NOW, described, stopped and bound or false, count < #found and 1 or 0}`,
});

const GET = script("get messages", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, maxBytes: number, room: number, ids: list(text) },
  uses: [ENTER, DESCRIBE],
  answers: answers<["ok", now: string, messages: string[], leftOut: 0 | 1]>(),
  lua: `
local described, count = describe(ids, max_bytes, room)
return {'ok', NOW, described, count < #ids and 1 or 0}`,
});

const FIRST = script("get the first message", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, oldest: flag },
  uses: [ENTER, DESCRIBE],
  answers: answers<["ok", now: string, messages: string[]]>(),
  lua: `
local ids = redis.call(oldest and 'ZRANGE' or 'ZREVRANGE', ORDER, 0, 0)
return {'ok', NOW, (describe(ids, math.huge, math.huge))}`,
});

type ListParams = Parameters<MessageController["list"]>[0];

const bytesOf = (messages: readonly Message[]) => messages.reduce((sum, message) => sum + messageBytes(message), 0);

/** Messages on Redis. */
export class RedisMessages implements MessageController {
  readonly #queues: QueueRows;
  readonly #posts: MessageInserter;
  readonly #deletes: MessageDeleter;
  readonly #moves: MessageMoves;
  readonly #statistics: QueueStatistics;
  readonly readings: ActivityReads["read"];
  readonly pop: MessageController["pop"];
  readonly purge: MessageController["purge"];
  readonly select: MessageController["select"];
  readonly count: MessageController["count"];
  readonly hold: MessageController["hold"];
  readonly removeCopied: MessageController["removeCopied"];

  constructor(queues: QueueRows, arrivals: Arrivals, keptPopsBytes = MAX_KEPT_POPS_BYTES) {
    this.#queues = queues;
    this.pop = popMessages(queues, keptPopsBytes);
    this.purge = purgeMessages(queues);
    this.select = selectMessages(queues, (params) => this.bulkGet(params));
    this.count = countMessages(queues, (params) => this.bulkGet(params));
    this.#posts = new MessageInserter(queues, arrivals);
    this.#deletes = new MessageDeleter(queues);
    this.hold = holdMessages(queues, arrivals);
    this.removeCopied = removeCopiedMessages(queues);
    this.#moves = new MessageMoves(queues, arrivals, {
      posts: this.#posts,
      hold: this.hold,
      removeCopied: this.removeCopied,
    });
    this.#statistics = new QueueStatistics(queues);
    this.readings = (counted) => this.#statistics.read(counted);
  }

  post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    return this.#posts.post(params);
  }

  async list(params: ListParams): Promise<Page<Message>> {
    // Without a bound there is room for every page.
    return (await this.listWithin(params, MAX_ROOM)) as Page<Message>;
  }

  /** Null when the page has more than `room` bytes, and there is room for more than that in a page. */
  async listWithin(params: ListParams, room: number): Promise<Page<Message> | null> {
    const { limit } = params.page;
    const { direction, from: start } = numberRange(params.page);
    const forward = direction === "forward";
    const filters = {
      includeClaimed: params.includeClaimed === true,
      includeDelayed: params.includeDelayed === true,
      exceptClient: params.exceptClientId,
      exhaustedFrom: params.includeExhausted === true ? null : params.exhaustedFrom,
    };
    const found: Message[] = [];
    const deadline = callDeadline();
    const pageBytes = carriedBytes(params.maxBytes);
    let bytes = 0;
    let cut = false;
    let from: string | null = `(${start}`;
    while (from !== null && !cut) {
      const [maxBytes, roomLeft] = [Math.min(pageBytes, room) - bytes, room - bytes];
      const args = { ...filters, forward, from, limit: limit + 1 - found.length, maxBytes, room: roomLeft };
      const answer: AnswerOf<typeof LIST> = await this.#queues.call(params.queue, LIST, args, { deadline });
      const [, now, parts, stopped, leftOut] = answer;
      const messages = readMessages(parts, now);
      const read = bytesOf(messages);
      // A script returns at least one message, which may be too large for the rest of the page.
      cut = leftOut === 1 || (read > maxBytes && found.length > 0);
      if (read <= maxBytes || found.length === 0) found.push(...messages);
      bytes += read;
      from = stopped;
    }
    if (cut && isCutByRoom(found, pageBytes, room)) return null;
    const more = cut || found.length > limit;
    return pageOfAll(found.slice(0, limit), more, params.page, ({ marker }) => marker);
  }

  async get(params: { queue: QueueRef; id: string }): Promise<Message> {
    const [message] = await this.bulkGet({ queue: params.queue, ids: [params.id] });
    if (message === undefined) {
      throw new DomainError("MESSAGE_DOES_NOT_EXIST", "This message does not exist in this queue, or has expired.", {
        details: { queue: params.queue.name, messageId: params.id },
      });
    }
    return message;
  }

  async bulkGet(params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number }): Promise<Message[]> {
    return (await this.bulkGetWithin(params, MAX_ROOM)) as Message[];
  }

  /** Null as for `listWithin`. */
  async bulkGetWithin(
    params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number },
    room: number,
  ): Promise<Message[] | null> {
    const pageBytes = carriedBytes(params.maxBytes);
    const args = { maxBytes: Math.min(pageBytes, room), room, ids: [...new Set(validUuids(params.ids))] };
    const [, now, parts, leftOut] = await this.#queues.call(params.queue, GET, args);
    const messages = readMessages(parts, now);
    return leftOut === 1 && isCutByRoom(messages, pageBytes, room) ? null : messages;
  }

  async first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message> {
    const [, now, messages] = await this.#queues.call(params.queue, FIRST, { oldest: params.sort === 1 });
    const [message] = readMessages(messages, now);
    if (message === undefined) {
      throw new DomainError("QUEUE_IS_EMPTY", `Queue ${params.queue.name} is empty.`, {
        details: { queue: params.queue.name },
      });
    }
    return message;
  }

  delete(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    return this.#deletes.deleteOne(params);
  }

  bulkDelete(params: Parameters<MessageController["bulkDelete"]>[0]): ReturnType<MessageController["bulkDelete"]> {
    return this.#deletes.deleteMany(params);
  }

  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    return this.#statistics.of(queues);
  }

  transfer(params: Parameters<MessageController["transfer"]>[0]): Promise<string[]> {
    return this.#moves.transfer(params);
  }

  copy(params: Parameters<MessageController["copy"]>[0]): Promise<Message[]> {
    return this.#moves.copy(params);
  }

  adopt(params: Parameters<MessageController["adopt"]>[0]): Promise<string[]> {
    return this.#posts.adopt(params);
  }
}
