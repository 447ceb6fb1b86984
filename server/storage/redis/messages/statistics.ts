import { hasCode } from "../../../errors.ts";
import type { QueueReading } from "../../activity.ts";
import type { CountedQueue, MessageStamp, QueueStats } from "../../queue-stats.ts";
import { readTally, totalsOf } from "../../queue-totals.ts";
import { TALLY_FIELDS } from "../counters.ts";
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
 * by one, and meets the oldest ready one on the way. Answers where it stopped when it has looked at enough messages.
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
        epoch: string,
        tally: (string | null)[],
        oldestReady: string | null,
        changes: string | null,
      ]
    >(),
  lua: `
local function stamp(command)
  local id = redis.call(command, ORDER, 0, 0)[1]
  if not id then return false end
  return {id, read_record(redis.call('HGET', RECORDS, id)).created}
end

local exhausted, stopped, oldest_ready = 0, false, false
local function count_exhausted(count_from, bound)
  if bound == '-inf' then
    local front = exhausted_front(exhausted_from)
    exhausted = redis.call('ZCOUNT', READY, '-inf', front)
    bound = '(' .. front
  end
  for _ = 1, ${LOOK_AT / EXPIRE_STEP} do
    local page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, ${EXPIRE_STEP})
    for _, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      record = read_record(record)
      if tonumber(record.count) >= count_from then
        exhausted = exhausted + 1
      else
        oldest_ready = oldest_ready or record.created
      end
      bound = '(' .. record.marker
    end
    if #page < ${EXPIRE_STEP} then return false end
  end
  return bound
end
if exhausted_from then
  stopped = count_exhausted(tonumber(exhausted_from), from)
else
  local id = redis.call('ZRANGE', READY, 0, 0)[1]
  if id then oldest_ready = read_record(redis.call('HGET', RECORDS, id)).created end
end
local changes
for _, key in ipairs({CLAIMED, DELAYED, EXPIRY}) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  if first then changes = math.min(changes or math.huge, tonumber(first)) end
end
return {
  'ok', NOW, redis.call('ZCARD', ORDER), redis.call('ZCARD', CLAIMED), redis.call('ZCARD', DELAYED), stamp('ZRANGE'),
  stamp('ZREVRANGE'), exhausted, stopped, epoch, redis.call('HMGET', ROW, ${TALLY_FIELDS}), oldest_ready,
  changes and digits(changes) or false
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
    return this.#each(queues, ({ stats }) => stats);
  }

  read(queues: readonly CountedQueue[]): Promise<(QueueReading | null)[]> {
    return this.#each(queues, ({ stats, reading }) => {
      const { ready, claimed, delayed, exhausted, total, exact, totals } = stats;
      return { ...reading, totals, stats: { ready, claimed, delayed, exhausted, total, exact } };
    });
  }

  #each<T>(queues: readonly CountedQueue[], pick: (found: Counted) => T): Promise<(T | null)[]> {
    return Promise.all(
      queues.map(async (queue) => {
        const found = await this.#one(queue);
        return found === null ? null : pick(found);
      }),
    );
  }

  async #one(queue: CountedQueue): Promise<Counted | null> {
    try {
      let [counted, from]: [number, string | null] = [0, "-inf"];
      let oldestReadyAt: string | null = null;
      let answer: AnswerOf<typeof STATISTICS>;
      let looked = 0;
      do {
        answer = await this.#queues.call(queue, STATISTICS, { exhaustedFrom: queue.exhaustedFrom, from });
        const [, , , , , , , exhausted, stopped, , , oldestReady] = answer;
        counted += exhausted;
        oldestReadyAt ??= oldestReady;
        from = stopped;
        looked += LOOK_AT;
      } while (from !== null && looked < EXACT_LIMIT);
      const [, now, total, claimed, delayed, oldest, newest, , , epoch, tally, , changes] = answer;
      // Messages may have been removed between two runs of the script.
      const exhausted = Math.min(counted, total - claimed - delayed);
      const { project, name } = queue;
      return {
        stats: {
          total,
          claimed,
          delayed,
          exhausted,
          ready: total - claimed - delayed - exhausted,
          exact: total <= EXACT_LIMIT,
          oldest: readStamp(oldest, now),
          newest: readStamp(newest, now),
          totals: totalsOf(readTally(tally)),
        },
        reading: {
          queue: { project, name, epoch: Number(epoch) },
          oldestReadyAt: oldestReadyAt === null ? null : dateOf(oldestReadyAt),
          changesAt: changes === null ? null : dateOf(changes),
          takenAt: dateOf(now),
        },
      };
    } catch (error) {
      const elsewhere = ["QUEUE_DOES_NOT_EXIST", "QUEUE_EPOCH_STALE", "QUEUE_IS_MOVING"] as const;
      if (elsewhere.some((code) => hasCode(error, code))) return null;
      throw error;
    }
  }
}

interface Counted {
  stats: QueueStats;
  reading: Omit<QueueReading, "stats" | "totals">;
}

function readStamp(stamp: Stamp | null, now: string): MessageStamp | null {
  if (stamp === null) return null;
  const [id, created] = stamp;
  return { id, ageSeconds: ageSeconds(now, created), createdAt: dateOf(created) };
}
