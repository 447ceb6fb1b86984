import { hasCode } from "../../../errors.ts";
import type { CountedQueue, MessageStamp, QueueStats } from "../../data-driver.ts";
import { CALL, ENTER, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type AnswerOf, answers, script } from "../server/script.ts";
import { optionalNumeral, text } from "../server/script-parameters.ts";
import { EXPIRE_STEP } from "../server/shared-lua.ts";
import { EXHAUSTED_FRONT, LOOK_AT } from "./exhausted.ts";
import { ageSeconds, dateOf, RECORD } from "./records.ts";

/**
 * Above this many messages the counts are reported as estimates. Here they are exact, but all drivers follow the same
 * rule.
 */
const EXACT_LIMIT = 10_000;

/**
 * Reads the sizes of sets, which costs the same whatever they hold. Counts the exhausted messages behind the front one
 * by one. Answers where it stopped when it has looked at enough messages.
 */
const STATISTICS = script("count messages", {
  effect: "reads",
  keys: QUEUE,
  // `exhaustedFrom`: the number of claims from which a message is exhausted; none: never. `from`: where to continue.
  args: { ...CALL, exhaustedFrom: optionalNumeral, from: text },
  uses: [ENTER, RECORD, EXHAUSTED_FRONT],
  answers:
    answers<
      [
        "ok",
        now: string,
        total: number,
        claimed: number,
        delayed: number,
        oldest: Stamp | null,
        newest: Stamp | null,
        exhausted: number,
        stopped: string | null,
      ]
    >(),
  lua: `
local function stamp(command)
  local id = redis.call(command, ORDER, 0, 0)[1]
  if not id then return false end
  local _, created = read_record(redis.call('HGET', RECORDS, id))
  return {id, created}
end

local exhausted, stopped = 0, false
local function count_exhausted(count_from, bound)
  if bound == '-inf' then
    local front = exhausted_front(exhausted_from)
    exhausted = redis.call('ZCOUNT', READY, '-inf', front)
    bound = '(' .. front
  end
  for _ = 1, ${LOOK_AT / EXPIRE_STEP} do
    local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, ${EXPIRE_STEP})
    for _, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
      if tonumber(count) >= count_from then exhausted = exhausted + 1 end
      bound = '(' .. marker
    end
    if #page < ${EXPIRE_STEP} then return false end
  end
  return bound
end
if exhausted_from then stopped = count_exhausted(tonumber(exhausted_from), from) end
return {
  'ok', NOW, redis.call('ZCARD', ORDER), redis.call('ZCARD', CLAIMED), redis.call('ZCARD', DELAYED), stamp('ZRANGE'),
  stamp('ZREVRANGE'), exhausted, stopped
}`,
});

type Stamp = [id: string, created: string];

/** Counts the messages of queues: one script for each queue, all sent at once. */
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
      let [counted, from]: [number, string | null] = [0, "-inf"];
      let answer: AnswerOf<typeof STATISTICS>;
      let looked = 0;
      do {
        answer = await this.#queues.call(queue, STATISTICS, { exhaustedFrom: queue.exhaustedFrom, from });
        const [, , , , , , , exhausted, stopped] = answer;
        counted += exhausted;
        from = stopped;
        looked += LOOK_AT;
      } while (from !== null && looked < EXACT_LIMIT);
      const [, now, total, claimed, delayed, oldest, newest] = answer;
      // Messages may have been removed between two runs of the script.
      const exhausted = Math.min(counted, total - claimed - delayed);
      return {
        total,
        claimed,
        delayed,
        exhausted,
        ready: total - claimed - delayed - exhausted,
        exact: total <= EXACT_LIMIT,
        oldest: readStamp(oldest, now),
        newest: readStamp(newest, now),
      };
    } catch (error) {
      const elsewhere = ["QUEUE_DOES_NOT_EXIST", "QUEUE_EPOCH_STALE", "QUEUE_IS_MOVING"] as const;
      if (elsewhere.some((code) => hasCode(error, code))) return null;
      throw error;
    }
  }
}

function readStamp(stamp: Stamp | null, now: string): MessageStamp | null {
  if (stamp === null) return null;
  const [id, created] = stamp;
  return { id, ageSeconds: ageSeconds(now, created), createdAt: dateOf(created) };
}
