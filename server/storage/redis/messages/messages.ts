import { randomUUID } from "node:crypto";
import { DomainError } from "../../../errors.ts";
import {
  type CountedQueue,
  carriedBytes,
  type DeleteOutcome,
  type Message,
  type MessageController,
  type NewMessage,
  type QueueStats,
} from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { markerField, numberMarker, pageOfAll, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { PURGED_PARTS } from "../keys.ts";
import type { QueueRows } from "../queue-rows.ts";
import { callDeadline, script } from "../server/scripts.ts";
import {
  DESCRIBE,
  ENTER,
  ENTER_LIFE,
  EXHAUSTED_FRONT,
  EXPIRE_STEP,
  KEPT_KEYS,
  LOOK_AT,
  PUT_AWAY,
  RECORD,
  SCHEDULE,
  UNLESS_FROZEN,
} from "../server/shared-lua.ts";
import { MessageDeleter } from "./delete.ts";
import { MessageInserter } from "./insert.ts";
import { countOrNothing, optional, readMessages } from "./records.ts";
import { QueueStatistics } from "./statistics.ts";
import { MessageMoves } from "./transfer.ts";

/**
 * ARGV: 3 forward or backward, 4 the bound, 5 how many, 6 and 7 whether claimed and delayed ones belong to it, 8 whose
 * do not, 9 how many bytes, 10 from which count on messages are exhausted and left out, or nothing. What is neither
 * claimed nor delayed has a set of its own, so that these filters cost nothing; all others look at each message.
 * Answers where it stopped when it has looked at enough, and the caller goes on from there; and whether it left
 * messages out by their bytes.
 */
const LIST = script(
  `${ENTER}${RECORD}${DESCRIBE}${EXHAUSTED_FRONT}
local forward, wanted, claimed, delayed, except = ARGV[3] == 'forward', tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7] == '1', ARGV[8]
local exhausted_from = tonumber(ARGV[10]) or math.huge
local from = (claimed or delayed) and ORDER or READY
local some_filter = except ~= '-' or claimed ~= delayed or ARGV[10] ~= ''
local bound, last, found, looked = ARGV[4], '-inf', {}, 0
if ARGV[10] ~= '' and from == READY then
  if forward then bound = behind_front(ARGV[10], bound) else last = behind_front(ARGV[10], last) end
end
local function is_kept(record)
  local _, _, _, _, available, count, _, ends, _, client = read_record(record)
  if except ~= '-' and client == except then return false end
  if tonumber(ends) > now then return claimed end
  if tonumber(available) > now then return delayed end
  return tonumber(count) < exhausted_from
end
local step = some_filter and ${LOOK_AT / 4} or wanted
repeat
  local page
  if forward then
    page = redis.call('ZRANGEBYSCORE', from, bound, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  else
    page = redis.call('ZREVRANGEBYSCORE', from, bound, last, 'WITHSCORES', 'LIMIT', 0, step)
  end
  local ids, records = {}, {}
  for at = 1, #page, 2 do ids[#ids + 1] = page[at] end
  if some_filter and #ids > 0 then records = redis.call('HMGET', RECORDS, unpack(ids)) end
  for place, id in ipairs(ids) do
    if not some_filter or is_kept(records[place]) then found[#found + 1] = id end
    bound = '(' .. page[2 * place]
    if #found == wanted then break end
  end
  looked = looked + #page / 2
until #found == wanted or #page < 2 * step or looked >= ${LOOK_AT}
local stopped = #found < wanted and looked >= ${LOOK_AT}
local described, count = describe(found, tonumber(ARGV[9]))
return {'ok', NOW, described, stopped and bound or false, count < #found and 1 or 0}`,
  "reads",
);

const GET = script(
  `${ENTER}${DESCRIBE}
local ids = {}
for at = 4, #ARGV do ids[#ids + 1] = ARGV[at] end
return {'ok', NOW, (describe(ids, tonumber(ARGV[3])))}`,
  "reads",
);

const FIRST = script(
  `${ENTER}${DESCRIBE}
local ids = redis.call(ARGV[3] == '1' and 'ZRANGE' or 'ZREVRANGE', ORDER, 0, 0)
return {'ok', NOW, (describe(ids, math.huge))}`,
  "reads",
);

/**
 * ARGV: 3 how many, 4 how many bytes, 5 from which count on messages are exhausted, or nothing, 6 where to look.
 * Answers where it stopped, as a list does.
 */
const POP = script(
  `${ENTER}${DESCRIBE}${EXHAUSTED_FRONT}
local wanted, exhausted_from, bound = tonumber(ARGV[3]), tonumber(ARGV[5]), ARGV[6]
local ids, stopped = {}, false
if not exhausted_from then
  ids = redis.call('ZRANGE', READY, 0, wanted - 1)
else
  bound = behind_front(ARGV[5], bound)
  local looked, page = 0, nil
  repeat
    page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, ${EXPIRE_STEP})
    for place, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      if #ids == wanted then break end
      local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
      if tonumber(count) < exhausted_from then ids[#ids + 1] = page[place] end
      bound = '(' .. marker
    end
    looked = looked + #page
  until #ids == wanted or #page < ${EXPIRE_STEP} or looked >= ${LOOK_AT}
  stopped = #ids < wanted and #page == ${EXPIRE_STEP} and bound
end
local messages, count = describe(ids, tonumber(ARGV[4]))
for place = #ids, count + 1, -1 do ids[place] = nil end
remove(ids, READY)
return {'ok', NOW, messages, stopped}`,
  "writes",
);

/** ARGV: 3 idempotency key, 4 its request, 5 the name under which the messages are put away. */
const PURGE = script(
  `${ENTER_LIFE}${PUT_AWAY}${SCHEDULE}${KEPT_KEYS}
if not epoch then return {'missing'} end
if ARGV[1] ~= '' and ARGV[1] ~= epoch then return {'stale'} end
${UNLESS_FROZEN}
if ARGV[3] ~= '-' then
  local request = kept(ARGV[3])
  if request then return {request == ARGV[4] and 'ok' or 'reused'} end
  keep(ARGV[3], ARGV[4], '')
end
if put_away(${PURGED_PARTS.length}) then
  redis.call('ZADD', ENDED, NOW, 'purged:' .. ARGV[5])
  schedule(now)
end
if row[4] then redis.call('HSET', ROW, 'low', row[2] or '0') end
return {'ok'}`,
  "writes",
);

/** Messages on Redis. */
export class RedisMessages implements MessageController {
  readonly #queues: QueueRows;
  readonly #posts: MessageInserter;
  readonly #deletes: MessageDeleter;
  readonly #moves: MessageMoves;
  readonly #statistics: QueueStatistics;

  constructor(queues: QueueRows, arrivals: Arrivals) {
    this.#queues = queues;
    this.#posts = new MessageInserter(queues, arrivals);
    this.#deletes = new MessageDeleter(queues);
    this.#moves = new MessageMoves(queues, arrivals, this.#posts, this.#deletes);
    this.#statistics = new QueueStatistics(queues);
  }

  post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    return this.#posts.post(params);
  }

  async list(params: {
    queue: QueueRef;
    page: PageRequest;
    maxBytes?: number;
    exceptClientId?: string;
    includeClaimed?: boolean;
    includeDelayed?: boolean;
    includeExhausted?: boolean;
    exhaustedFrom?: number | null;
  }): Promise<Page<Message>> {
    const { after, before, limit } = params.page;
    const backward = before !== undefined;
    const filters = [
      params.includeClaimed === true ? "1" : "0",
      params.includeDelayed === true ? "1" : "0",
      optional(params.exceptClientId),
    ];
    const exhaustedFrom = params.includeExhausted === true ? "" : countOrNothing(params.exhaustedFrom);
    const found: Message[] = [];
    const deadline = callDeadline();
    let bytesLeft = carriedBytes(params.maxBytes);
    let cut = false;
    let bound: string | null = `(${numberMarker(before ?? after ?? "0", markerField(params.page))}`;
    while (bound !== null && !cut) {
      const wanted = String(limit + 1 - found.length);
      const values = [backward ? "backward" : "forward", bound, wanted, ...filters, String(bytesLeft), exhaustedFrom];
      const [, now, parts, stopped, leftOut] = await this.#queues.call(params.queue, LIST, values, { deadline });
      const messages = readMessages(parts as string[], now as string);
      const bytes = messages.reduce((sum, { bodyText }) => sum + Buffer.byteLength(bodyText), 0);
      // A script gives at least one, which may be too much for the rest of a page.
      cut = leftOut === 1 || (bytes > bytesLeft && found.length > 0);
      if (bytes <= bytesLeft || found.length === 0) found.push(...messages);
      bytesLeft -= bytes;
      bound = stopped as string | null;
    }
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
    const values = [String(carriedBytes(params.maxBytes)), ...new Set(validUuids(params.ids))];
    const [, now, messages] = await this.#queues.call(params.queue, GET, values);
    return readMessages(messages as string[], now as string);
  }

  async first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message> {
    const [, now, messages] = await this.#queues.call(params.queue, FIRST, [String(params.sort)]);
    const [message] = readMessages(messages as string[], now as string);
    if (message === undefined) {
      throw new DomainError("QUEUE_IS_EMPTY", `Queue ${params.queue.name} is empty.`, {
        details: { queue: params.queue.name },
      });
    }
    return message;
  }

  async pop(params: {
    queue: QueueRef;
    limit: number;
    maxBytes?: number;
    exhaustedFrom?: number | null;
  }): Promise<Message[]> {
    if (params.limit < 1) return [];
    const wanted = [String(params.limit), String(carriedBytes(params.maxBytes)), countOrNothing(params.exhaustedFrom)];
    const deadline = callDeadline();
    let from: string | null = "-inf";
    // What one run took is given at once: were the next to fail, nobody would hear of it.
    for (;;) {
      const [, now, messages, stopped] = await this.#queues.call(params.queue, POP, [...wanted, from], { deadline });
      const popped = readMessages(messages as string[], now as string);
      from = stopped as string | null;
      if (popped.length > 0 || from === null) return popped;
    }
  }

  delete(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    return this.#deletes.deleteOne(params);
  }

  bulkDelete(params: { queue: QueueRef; ids: readonly string[]; claimIds?: readonly string[] }): Promise<number> {
    return this.#deletes.deleteMany(params);
  }

  async purge(params: { queue: QueueRef; idempotencyKey?: string }): Promise<void> {
    const { queue, idempotencyKey: key } = params;
    const life = randomUUID();
    const row = this.#queues.keys.queue(queue)[0] as string;
    const values = [optional(key), PURGE_DIGEST, life];
    const moreKeys = this.#queues.keys.ended(row, life, PURGED_PARTS);
    const [verdict] = await this.#queues.call(queue, PURGE, values, { moreKeys });
    if (verdict === "reused") throw keyReused(key as string);
  }

  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    return this.#statistics.of(queues);
  }

  transfer(params: {
    from: QueueRef;
    to: QueueRef;
    ids: readonly string[];
    claimId: string;
    ttlSeconds: number | null;
  }): Promise<number> {
    return this.#moves.transfer(params);
  }

  adopt(params: { queue: QueueRef; messages: readonly Message[]; ttlSeconds: number | null }): Promise<void> {
    return this.#posts.adopt(params);
  }
}

const PURGE_DIGEST = digest(["purge"]);
