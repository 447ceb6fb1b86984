import type { GcResult } from "../data-driver.ts";
import { LIFE_PARTS, PURGED_PARTS, SHARDS } from "./keys.ts";
import type { QueueRows } from "./queue-rows.ts";
import type { Reply } from "./server/connection.ts";
import { script } from "./server/scripts.ts";
import { CLOCK, ENTER_ANY, EXPIRE_STEP, NEVER } from "./server/shared-lua.ts";
import { SUBSCRIPTIONS_ENTER } from "./subscriptions.ts";

/** Shards that are looked at together. */
const TOGETHER = 16;
/** Rows read from a shard's list at a time. */
const ROWS = 100;
/** Scripts a collection and shard: the rest is left to the next one. */
const MAX_SCRIPTS = 2000;

/** KEYS: 1 a shard's list. */
const DUE = script(
  `${CLOCK} return {'ok', redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', NOW, 'LIMIT', 0, ${ROWS})}`,
  "reads",
);

/**
 * Settles a queue, and says which of its ended lives can no longer be undone, those that ended `ARGV[3]` microseconds ago. When nothing is
 * left for now, the shard's list hears when to come back; a queue that lives no more, holds nothing and is not on its way loses its row.
 */
const COLLECT = script(
  `${ENTER_ANY}
local forgotten = redis.call('ZRANGEBYSCORE', KEPT_ENDS, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
if #forgotten > 0 then
  redis.call('HDEL', KEPT, unpack(forgotten))
  redis.call('ZREM', KEPT_ENDS, unpack(forgotten))
end
local lives = redis.call('ZRANGEBYSCORE', ENDED, '-inf', digits(now - ARGV[3]), 'LIMIT', 0, 10)
local verdict = 'ok'
if not settled or #forgotten == ${EXPIRE_STEP} or #lives > 0 then
  verdict = 'again'
else
  local soonest = ${NEVER}
  if epoch then soonest = next_due() end
  for key, later in pairs({[KEPT_ENDS] = 0, [ENDED] = ARGV[3]}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then soonest = math.min(soonest, first[2] + later) end
  end
  if soonest < ${NEVER} then
    redis.call('ZADD', DUE, digits(soonest), ROW)
  else
    redis.call('ZREM', DUE, ROW)
    if not epoch and not row[4] and redis.call('HEXISTS', ROW, 'arriving') == 0 then redis.call('DEL', ROW) end
  end
end
return {verdict, #expired, #ended_claims, lives}`,
  "writes",
);

/** KEYS: 1 the list of the queue's ended lives, 2 the order of this one, then its other parts. UNLINK frees them beside the server's work. */
const FREE = script(
  `if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {'ok', 0, 0} end
local messages = redis.call('ZCARD', KEYS[2])
for at = 2, #KEYS do redis.call('UNLINK', KEYS[at]) end
return {'ok', messages, redis.call('ZREM', KEYS[1], ARGV[1])}`,
  "writes",
);

const COLLECT_SUBSCRIPTIONS = script(
  `${SUBSCRIPTIONS_ENTER}
if #expired == ${EXPIRE_STEP} then return {'again', #expired} end
local first = redis.call('ZRANGE', ENDS, 0, 0, 'WITHSCORES')
if first[2] then
  redis.call('ZADD', DUE, first[2], RECORDS)
else
  redis.call('ZREM', DUE, RECORDS)
end
return {'ok', #expired}`,
  "writes",
);

/**
 * Frees what nobody can see any more. Each shard of the keys has a list of its queues by when something in them has to be freed, so that gc
 * looks at no others. Several at once share the work: each script stands alone.
 */
export class GarbageCollector {
  readonly #queues: QueueRows;
  readonly #undoMicroseconds: string;

  constructor(queues: QueueRows, undoSeconds: number) {
    this.#queues = queues;
    this.#undoMicroseconds = String(undoSeconds * 1_000_000);
  }

  async collect(): Promise<GcResult> {
    const result: GcResult = { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
    for (let first = 0; first < SHARDS; first += TOGETHER) {
      const shards = Array.from({ length: Math.min(TOGETHER, SHARDS - first) }, (_, index) => first + index);
      await Promise.all(shards.map((shard) => this.#collectShard(shard, result)));
    }
    return result;
  }

  async #collectShard(shard: number, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    const budget = { scripts: MAX_SCRIPTS };
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const [, rows] = await scripts.run(DUE, [keys.due(shard)], ["", this.#queues.offset()]);
      for (const row of rows as string[]) {
        if (keys.isSubscriptions(row)) await this.#collectSubscriptions(row, budget, result);
        else await this.#collectQueue(row, budget, result);
      }
      if ((rows as string[]).length < ROWS) return;
    }
  }

  async #collectQueue(row: string, budget: { scripts: number }, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const values = ["", this.#queues.offset(), this.#undoMicroseconds];
      const [verdict, messages, claims, lives] = await scripts.run(COLLECT, keys.ofRow(row), values);
      result.messages += messages as number;
      result.claims += claims as number;
      for (const life of lives as string[]) await this.#free(row, life, result);
      if (verdict !== "again") return;
    }
  }

  /** `life`: why it ended, then its name. */
  async #free(row: string, life: string, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    const [why, name] = life.split(":") as [string, string];
    const parts = keys.ended(row, name, why === "queue" ? LIFE_PARTS : PURGED_PARTS);
    const freed: readonly Reply[] = await scripts.run(FREE, [`${row}:ended`, ...parts], [life]);
    result.messages += freed[1] as number;
    if (why === "queue") result.queues += freed[2] as number;
  }

  async #collectSubscriptions(base: string, budget: { scripts: number }, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const values = ["", this.#queues.offset()];
      const [verdict, freed] = await scripts.run(COLLECT_SUBSCRIPTIONS, keys.ofSubscriptions(base), values);
      result.subscriptions += freed as number;
      if (verdict !== "again") return;
    }
  }
}
