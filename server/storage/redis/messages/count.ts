/** Counts messages by what they are, a slice at a time. */
import type { MessageController } from "../../data-driver.ts";
import { numberMarker, validUuids } from "../../list-pages.ts";
import {
  addCounted,
  type CountParams,
  countByIds,
  leaveTime,
  type MessageCount,
  nothingCounted,
} from "../../messages/message-select.ts";
import { CALL, ENTER, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { number } from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { BODY_STEP, dateOf, RECORD } from "./records.ts";
import { type BulkGet, boundsOf, FILTER, FILTER_ARGS, READ_BYTES, readerOf, termsOf } from "./slices.ts";

/** How many messages a script looks at, at most, and at a time. It reads their records, which are small. */
const LOOK_AT = 2000;
const STEP = 200;

type Place = [marker: string, created: string] | null;

/** Answers the first and the last message that fit, and `last`: the last one that it looked at. */
const COUNT = script("count matching messages", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, ...FILTER_ARGS, lookAt: number, readBytes: number },
  uses: [ENTER, RECORD, FILTER],
  answers:
    answers<
      [
        "ok",
        matching: number,
        claimed: number,
        oldest: Place,
        newest: Place,
        last: Place,
        looked: number,
        read: number,
        ended: 0 | 1,
      ]
    >(),
  lua: `
local matching, held, oldest, newest, last, looked, read = 0, 0, false, false, false, 0, 0
local full, ended = false, false
-- Which of the messages have the needle; stops, and returns where, when it has read enough bodies.
local function with_needle(ids, kept)
  local has = {}
  for first = 1, #kept, ${BODY_STEP} do
    local some = {}
    for at = first, math.min(first + ${BODY_STEP - 1}, #kept) do some[#some + 1] = ids[kept[at]] end
    for at, carried in ipairs(redis.call('HMGET', BODIES, unpack(some))) do
      local index, size = kept[first + at - 1], size_of(carried)
      if read > 0 and read + size > read_bytes then return has, index - 1 end
      read = read + size
      has[index] = has_needle(carried)
    end
  end
  return has, #ids
end
repeat
  local step = math.min(${STEP}, look_at - looked)
  local ids = redis.call('ZRANGEBYSCORE', set, lowest, highest, 'LIMIT', 0, step)
  local records, kept = {}, {}
  for index, record in ipairs(#ids > 0 and redis.call('HMGET', RECORDS, unpack(ids)) or {}) do
    records[index] = read_record(record)
    if not filters or is_kept(records[index]) then kept[#kept + 1] = index end
  end
  local has, taken = nil, #ids
  if needle then has, taken = with_needle(ids, kept) end
  for _, index in ipairs(kept) do
    if index <= taken and (not has or has[index]) then
      local record = records[index]
      matching = matching + 1
      if tonumber(record.ends) > now then held = held + 1 end
      newest = {record.marker, record.created}
      oldest = oldest or newest
    end
  end
  if taken > 0 then
    last = {records[taken].marker, records[taken].created}
    lowest = '(' .. records[taken].marker
  end
  looked, full = looked + taken, taken < #ids
  ended = not full and #ids < step
until full or ended or looked >= look_at
return {'ok', matching, held, oldest, newest, last, looked, read, ended and 1 or 0}`,
});

const placeOf = (place: Place) => (place === null ? null : { marker: place[0], createdAt: dateOf(place[1]) });

export function countMessages(queues: QueueRows, bulkGet: BulkGet): MessageController["count"] {
  async function count(params: CountParams): Promise<MessageCount> {
    const { queue, budget, after } = params;
    const end = performance.now() + budget.milliseconds;
    const deadline = callDeadline();
    const terms = termsOf(params);
    const count = nothingCounted(after === undefined ? undefined : numberMarker(after));
    for (let read = 0; ; ) {
      const began = performance.now();
      const [, matching, claimed, oldest, newest, last, looked, readNow, ended] = await queues.call(
        queue,
        COUNT,
        {
          ...terms,
          ...boundsOf({ ...params, order: "oldestFirst" }, count.position),
          lookAt: Math.min(LOOK_AT, budget.messages - count.examined),
          readBytes: Math.min(READ_BYTES, budget.bytes - read),
        },
        { deadline },
      );
      addCounted(count, {
        ...{ matching, claimed, examined: looked, oldest: placeOf(oldest), newest: placeOf(newest) },
        position: last?.[0],
        reachedAt: last === null ? null : dateOf(last[1]),
      });
      count.done = ended === 1;
      read += readNow;
      const isSpent = count.examined >= budget.messages || read >= budget.bytes || performance.now() >= end;
      if (count.done || isSpent) return count;
      await leaveTime(began);
    }
  }

  return (params) => {
    const { queue, filter } = params;
    if (filter.ids === undefined) return count(params);
    return countByIds(params, [...new Set(validUuids(filter.ids))], readerOf(bulkGet, queue));
  };
}
