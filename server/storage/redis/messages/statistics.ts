import { hasCode } from "../../../errors.ts";
import type { CountedQueue, MessageStamp, QueueStats } from "../../data-driver.ts";
import type { QueueRows } from "../queue-rows.ts";
import type { Reply } from "../server/connection.ts";
import { script } from "../server/scripts.ts";
import { ENTER, EXHAUSTED_FRONT, EXPIRE_STEP, LOOK_AT, RECORD } from "../server/shared-lua.ts";
import { ageSeconds, countOrNothing, dateOf } from "./records.ts";

/** More messages than this are said to be counted by counters. They are exact here too, but programs know one rule for all drivers. */
const EXACT_LIMIT = 10_000;

/**
 * Sizes of sets, which cost the same whatever their length. ARGV: 3 from which count on messages are exhausted, or
 * nothing, 4 where to look. Behind the front these are counted one by one. Answers where it stopped, when it has looked
 * at enough.
 */
const STATISTICS = script(
  `${ENTER}${RECORD}${EXHAUSTED_FRONT}
local function stamp(command)
  local id = redis.call(command, ORDER, 0, 0)[1]
  if not id then return false end
  local _, created = read_record(redis.call('HGET', RECORDS, id))
  return {id, created}
end

local exhausted, stopped = 0, false
local function count_exhausted(from, bound)
  if bound == '-inf' then
    local front = exhausted_front(ARGV[3])
    exhausted = redis.call('ZCOUNT', READY, '-inf', front)
    bound = '(' .. front
  end
  for _ = 1, ${LOOK_AT / EXPIRE_STEP} do
    local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, ${EXPIRE_STEP})
    for _, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
      if tonumber(count) >= from then exhausted = exhausted + 1 end
      bound = '(' .. marker
    end
    if #page < ${EXPIRE_STEP} then return false end
  end
  return bound
end
if ARGV[3] ~= '' then stopped = count_exhausted(tonumber(ARGV[3]), ARGV[4]) end
return {'ok', NOW, redis.call('ZCARD', ORDER), redis.call('ZCARD', CLAIMED), redis.call('ZCARD', DELAYED), stamp('ZRANGE'), stamp('ZREVRANGE'),
  exhausted, stopped}`,
  "reads",
);

/** How full queues are: one script for each, all sent at once. */
export class QueueStatistics {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  of(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    return Promise.all(queues.map((queue) => this.#one(queue)));
  }

  async #one(queue: CountedQueue): Promise<QueueStats | null> {
    try {
      let counted = 0;
      let reply: readonly Reply[] = [];
      let from: string | null = "-inf";
      for (let looked = 0; from !== null && looked < EXACT_LIMIT; looked += LOOK_AT) {
        const values: string[] = [countOrNothing(queue.exhaustedFrom), from];
        reply = await this.#queues.call(queue, STATISTICS, values);
        counted += reply[7] as number;
        from = reply[8] as string | null;
      }
      const [, now, size, held, later, first, last] = reply;
      const [total, claimed, delayed] = [size as number, held as number, later as number];
      // Some may have gone between two looks.
      const exhausted = Math.min(counted, total - claimed - delayed);
      return {
        total,
        claimed,
        delayed,
        exhausted,
        ready: total - claimed - delayed - exhausted,
        exact: total <= EXACT_LIMIT,
        oldest: readStamp(first, now as string),
        newest: readStamp(last, now as string),
      };
    } catch (error) {
      const elsewhere = ["QUEUE_DOES_NOT_EXIST", "QUEUE_EPOCH_STALE", "QUEUE_IS_MOVING"] as const;
      if (elsewhere.some((code) => hasCode(error, code))) return null;
      throw error;
    }
  }
}

function readStamp(reply: Reply | undefined, now: string): MessageStamp | null {
  if (!Array.isArray(reply)) return null;
  const [id, created] = reply as [string, string];
  return { id, ageSeconds: ageSeconds(now, created), createdAt: dateOf(created) };
}
