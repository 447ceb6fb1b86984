/** Finds messages by what they are, a slice at a time. */
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import { numberMarker, validUuids } from "../../list-pages.ts";
import { messageBytes } from "../../messages/message-headers.ts";
import { leaveTime, type Selection, type SelectParams, selectByIds } from "../../messages/message-select.ts";
import { CALL, ENTER, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type AnswerOf, answers, script } from "../server/script.ts";
import { flag, number } from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { BODY_STEP, dateOf, RECORD, readMessages } from "./records.ts";
import { type BulkGet, boundsOf, FILTER, FILTER_ARGS, READ_BYTES, readerOf, termsOf } from "./slices.ts";

/** How many messages a script looks at, at most. */
const LOOK_AT = 500;
/** How many messages a script takes at a time. */
const STEP = 100;

/**
 * Looks at messages with markers from `lowest` to `highest`. Ready and exhausted messages have a set of their own. Where
 * a text alone is looked for, it reads no records but those of what it found.
 *
 * Answers the marker of the last message that it looked at, when that was created, and `ended` when nothing follows.
 */
const SELECT = script("select messages", {
  effect: "reads",
  keys: QUEUE,
  args: {
    ...CALL,
    ...FILTER_ARGS,
    forward: flag,
    lookAt: number,
    readBytes: number,
    limit: number,
    maxBytes: number,
  },
  uses: [ENTER, RECORD, FILTER],
  answers:
    answers<
      [
        "ok",
        now: string,
        messages: string[],
        last: string | null,
        created: string,
        looked: number,
        read: number,
        ended: 0 | 1,
      ]
    >(),
  lua: `
local found, last, last_id, looked, read, carried_bytes = {}, false, false, 0, 0, 0
local full, ended = false, false
-- Looks into the bodies of the messages that are kept, in order. Returns how many of the page were looked at.
local function take(ids, records)
  local kept = {}
  for index in ipairs(ids) do
    if not filters or is_kept(read_record(records[index])) then kept[#kept + 1] = index end
  end
  for first = 1, #kept, ${BODY_STEP} do
    local some = {}
    for at = first, math.min(first + ${BODY_STEP - 1}, #kept) do some[#some + 1] = ids[kept[at]] end
    for at, carried in ipairs(redis.call('HMGET', BODIES, unpack(some))) do
      local index, size = kept[first + at - 1], size_of(carried)
      if needle then
        if read > 0 and read + size > read_bytes then full = true; return index - 1 end
        read = read + size
      end
      if not needle or has_needle(carried) then
        if #found > 0 and carried_bytes + size > max_bytes then full = true; return index - 1 end
        carried_bytes = carried_bytes + size
        found[#found + 1] = ids[index]
        found[#found + 1] = named(records[index] or redis.call('HGET', RECORDS, ids[index]))
        found[#found + 1] = carried
        if #found == 3 * limit then full = true; return index end
      end
    end
  end
  return #ids
end
repeat
  local page
  local step = math.min(${STEP}, look_at - looked)
  if forward then
    page = redis.call('ZRANGEBYSCORE', set, lowest, highest, 'WITHSCORES', 'LIMIT', 0, step)
  else
    page = redis.call('ZREVRANGEBYSCORE', set, highest, lowest, 'WITHSCORES', 'LIMIT', 0, step)
  end
  local ids, records = {}, {}
  for at = 1, #page, 2 do ids[#ids + 1] = page[at] end
  if filters and #ids > 0 then records = redis.call('HMGET', RECORDS, unpack(ids)) end
  local taken = take(ids, records)
  looked = looked + taken
  if taken > 0 then
    last, last_id = digits(tonumber(page[2 * taken])), ids[taken]
    if forward then lowest = '(' .. last else highest = '(' .. last end
  end
  ended = not full and #ids < step
until full or ended or looked >= look_at
local created = last_id and read_record(redis.call('HGET', RECORDS, last_id)).created or '0'
return {'ok', NOW, found, last, created, looked, read, ended and 1 or 0}`,
});

type Answer = AnswerOf<typeof SELECT>;

export function selectMessages(queues: QueueRows, bulkGet: BulkGet): MessageController["select"] {
  async function select(params: SelectParams): Promise<Selection> {
    const { queue, limit, budget, after } = params;
    const end = performance.now() + budget.milliseconds;
    const deadline = callDeadline();
    const maxBytes = carriedBytes(params.maxBytes);
    const terms = { ...termsOf(params), forward: params.order === "oldestFirst" };
    const selection: Selection = {
      messages: [],
      position: after === undefined ? undefined : numberMarker(after),
      examined: 0,
      reachedAt: null,
      done: false,
    };
    let [read, carried] = [0, 0];
    for (;;) {
      const began = performance.now();
      const args = {
        ...terms,
        ...boundsOf(params, selection.position),
        lookAt: Math.min(LOOK_AT, budget.messages - selection.examined),
        readBytes: Math.min(READ_BYTES, budget.bytes - read),
        limit: limit - selection.messages.length,
        maxBytes: maxBytes - carried,
      };
      const answer: Answer = await queues.call(queue, SELECT, args, { deadline });
      const [, now, parts, last, created, looked, readNow, ended] = answer;
      const messages = readMessages(parts, now);
      const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
      // A script returns at least one message, which may be too large for the rest.
      if (carried > 0 && carried + bytes > maxBytes) return selection;
      selection.messages.push(...messages);
      selection.done = ended === 1;
      selection.examined += looked;
      if (last !== null) {
        selection.position = last;
        selection.reachedAt = dateOf(created);
      }
      [read, carried] = [read + readNow, carried + bytes];
      const isFull = selection.messages.length >= limit || carried >= maxBytes;
      const isSpent = selection.examined >= budget.messages || read >= budget.bytes || performance.now() >= end;
      if (selection.done || isFull || isSpent) return selection;
      await leaveTime(began);
    }
  }

  return (params) => {
    const { queue, filter } = params;
    if (filter.ids === undefined) return select(params);
    return selectByIds(params, [...new Set(validUuids(filter.ids))], readerOf(bulkGet, queue));
  };
}
