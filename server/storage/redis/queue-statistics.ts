import { hasCode } from "../../errors.ts";
import type { MessageStamp, QueueRef, QueueStats } from "../data-driver.ts";
import type { Reply } from "./connection.ts";
import { ageSeconds, dateOf } from "./message-records.ts";
import type { PoolQueues } from "./pool-queues.ts";
import { script } from "./scripts.ts";
import { ENTER, RECORD } from "./shared-lua.ts";

/** More messages than this are said to be counted by counters. They are exact here too, but programs know one rule for all drivers. */
const EXACT_LIMIT = 10_000;

/** Sizes of sets, which cost the same whatever their length. */
const STATISTICS = script(
  `${ENTER}${RECORD}
local function stamp(command)
  local id = redis.call(command, ORDER, 0, 0)[1]
  if not id then return false end
  local _, created = read_record(redis.call('HGET', RECORDS, id))
  return {id, created}
end
return {'ok', NOW, redis.call('ZCARD', ORDER), redis.call('ZCARD', CLAIMED), redis.call('ZCARD', DELAYED), stamp('ZRANGE'), stamp('ZREVRANGE')}`,
  "reads",
);

/** How full queues are: one script for each, all sent at once. */
export class QueueStatistics {
  readonly #queues: PoolQueues;

  constructor(queues: PoolQueues) {
    this.#queues = queues;
  }

  of(queues: readonly QueueRef[]): Promise<(QueueStats | null)[]> {
    return Promise.all(queues.map((queue) => this.#one(queue)));
  }

  async #one(queue: QueueRef): Promise<QueueStats | null> {
    try {
      const [, now, size, held, later, first, last] = await this.#queues.call(queue, STATISTICS, []);
      const [total, claimed, delayed] = [size as number, held as number, later as number];
      return {
        total,
        claimed,
        delayed,
        free: total - claimed,
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
