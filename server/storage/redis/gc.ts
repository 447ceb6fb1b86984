import type { GcResult } from "../driver-health.ts";
import { forgetOldChanges } from "./activity.ts";
import { CONTENT_PARTS, SHARDS } from "./keys.ts";
import { LIFE_ENDS } from "./lives/lua.ts";
import { EXPIRE_DUE, QUEUE, QUEUE_ROW, TELL } from "./queue-lua.ts";
import type { QueueRows } from "./queue-rows.ts";
import { answers, locals, script, table } from "./server/script.ts";
import { number, text } from "./server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP, NEVER } from "./server/shared-lua.ts";
import { EXPIRE_SUBSCRIPTIONS, SUBSCRIPTIONS } from "./subscriptions/records.ts";

/** Shards collected at the same time. */
const TOGETHER = 16;
/** Keys read from a shard's list at a time. */
const DUE_STEP = 100;
/** Scripts per collection and shard. The next collection continues. */
const MAX_SCRIPTS = 2000;

const FIND_DUE = script("find what is due", {
  effect: "reads",
  keys: { shard: locals(["due"]) },
  args: { offset: number },
  uses: [CLOCK],
  answers: answers<["ok", due: string[]]>(),
  lua: `return {'ok', redis.call('ZRANGEBYSCORE', DUE, '-inf', NOW, 'LIMIT', 0, ${DUE_STEP})}`,
});

/**
 * Expires what is due in a queue, forgets lives that are over, and returns the retired contents whose undo window
 * (`undo`, in microseconds) is over.
 * When nothing is left to do now, the shard's list gets the time of the next visit. Deletes the row of a queue that
 * does not live here, has no contents left, and is not being moved.
 */
const COLLECT = script("collect a queue", {
  effect: "writes",
  keys: QUEUE,
  args: { offset: number, undo: number },
  uses: [CLOCK, QUEUE_ROW, TELL, EXPIRE_DUE],
  answers: answers<["ok" | "again", messages: number, claims: number, contents: string[], lapsed: number]>(),
  lua: `
local expired = expire_due()
local forgotten = redis.call('ZRANGEBYSCORE', KEPT_ENDS, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
if #forgotten > 0 then
  redis.call('HDEL', KEPT, unpack(forgotten))
  redis.call('ZREM', KEPT_ENDS, unpack(forgotten))
  if redis.call('EXISTS', KEPT_ENDS) == 0 then redis.call('UNLINK', KEPT) end
end
local over = {}
if history then
  over = redis.call('ZRANGEBYSCORE', ROW .. ${LIFE_ENDS}, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
  if #over > 0 then forget_lives(ROW, over) end
end
local contents = redis.call('ZRANGEBYSCORE', RETIRED, '-inf', digits(now - undo), 'LIMIT', 0, 10)
local verdict = 'ok'
if not expired.done or #forgotten == ${EXPIRE_STEP} or #over == ${EXPIRE_STEP} or #contents > 0 then
  verdict = 'again'
else
  local soonest = ${NEVER}
  if epoch then soonest = find_next_due() end
  for key, later in pairs({[KEPT_ENDS] = 0, [RETIRED] = undo, [ROW .. ${LIFE_ENDS}] = 0}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then soonest = math.min(soonest, first[2] + later) end
  end
  if soonest < ${NEVER} then
    redis.call('ZADD', DUE, digits(soonest), ROW)
  else
    redis.call('ZREM', DUE, ROW)
    if not epoch and not moving and redis.call('HEXISTS', ROW, 'arriving') == 0 then redis.call('DEL', ROW) end
  end
end
return {verdict, expired.messages, expired.claims, contents, expired.lapsed}`,
});

/**
 * Frees retired content, unless another process has done it. `name` is its entry in the list. UNLINK frees memory in a
 * background thread of the server.
 */
const FREE = script("free a retired content", {
  effect: "writes",
  keys: { list: locals(["retired"]), content: table(CONTENT_PARTS) },
  args: { offset: number, undo: number, name: text },
  uses: [CLOCK],
  answers: answers<["ok", messages: number, freed: 0 | 1]>(),
  lua: `
local since = redis.call('ZSCORE', RETIRED, name)
-- An undo that has begun since it was listed, or a later delete under its token, has put its end off.
if not since or tonumber(since) > now - undo then return {'ok', 0, 0} end
local messages = redis.call('ZCARD', content.order)
for _, key in pairs(content) do redis.call('UNLINK', key) end
return {'ok', messages, redis.call('ZREM', RETIRED, name)}`,
});

const COLLECT_SUBSCRIPTIONS = script("collect subscriptions", {
  effect: "writes",
  keys: SUBSCRIPTIONS,
  args: { offset: number },
  uses: [EXPIRE_SUBSCRIPTIONS],
  answers: answers<["ok" | "again", freed: number]>(),
  lua: `
if #expired == ${EXPIRE_STEP} then return {'again', #expired} end
local first = redis.call('ZRANGE', ENDS, 0, 0, 'WITHSCORES')
if first[2] then
  redis.call('ZADD', DUE, first[2], RECORDS)
else
  redis.call('ZREM', DUE, RECORDS)
end
return {'ok', #expired}`,
});

/**
 * Frees what nobody can see any more. Each shard has a list of its queues by the time at which something in them falls
 * due, so gc looks at no others. Several collections at the same time share the work: each script is a step of its own.
 */
export class GarbageCollector {
  readonly #queues: QueueRows;
  readonly #undoMicroseconds: number;

  constructor(queues: QueueRows, undoSeconds: number) {
    this.#queues = queues;
    this.#undoMicroseconds = undoSeconds * 1_000_000;
  }

  async collect(): Promise<GcResult> {
    const result: GcResult = { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
    for (let first = 0; first < SHARDS; first += TOGETHER) {
      const shards = Array.from({ length: Math.min(TOGETHER, SHARDS - first) }, (_, index) => first + index);
      await Promise.all(shards.map((shard) => this.#collectShard(shard, result)));
    }
    await forgetOldChanges(this.#queues);
    return result;
  }

  async #collectShard(shard: number, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    const budget = { scripts: MAX_SCRIPTS };
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const [, due] = await scripts.run(FIND_DUE, { shard: keys.due(shard) }, { offset: this.#queues.offset() });
      for (const key of due) {
        if (keys.isSubscriptions(key)) await this.#collectSubscriptions(key, budget, result);
        else await this.#collectQueue(key, budget, result);
      }
      if (due.length < DUE_STEP) return;
    }
  }

  async #collectQueue(row: string, budget: { scripts: number }, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const args = { offset: this.#queues.offset(), undo: this.#undoMicroseconds };
      const [verdict, messages, claims, contents, lapsed] = await scripts.run(
        COLLECT,
        { queue: keys.ofRow(row) },
        args,
      );
      if (messages + lapsed > 0) this.#queues.counters.touch(keys.queueNamed(keys.nameInRow(row)));
      result.messages += messages;
      result.claims += claims;
      for (const content of contents) await this.#free(row, content, result);
      if (verdict !== "again") return;
    }
  }

  /**
   * `entry`: why the content was retired, a colon, and its name. What is left of a queue with all its parts is all of
   * these keys; a purge leaves the idempotency keys, and deleted messages have even fewer.
   */
  async #free(row: string, entry: string, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    const [why, name] = entry.split(":") as ["queue" | "purged" | "deleted", string];
    const freeKeys = { list: keys.retiredList(row), content: keys.retired(row, name, CONTENT_PARTS) };
    const args = { offset: this.#queues.offset(), undo: this.#undoMicroseconds, name: entry };
    const [, messages, freed] = await scripts.run(FREE, freeKeys, args);
    if (why !== "deleted") result.messages += messages;
    if (why === "queue") result.queues += freed;
  }

  async #collectSubscriptions(records: string, budget: { scripts: number }, result: GcResult): Promise<void> {
    const { keys, scripts } = this.#queues;
    const subscriptions = keys.ofSubscriptions(records);
    while (budget.scripts > 0) {
      budget.scripts -= 1;
      const args = { offset: this.#queues.offset() };
      const [verdict, freed] = await scripts.run(COLLECT_SUBSCRIPTIONS, { subscriptions }, args);
      result.subscriptions += freed;
      if (verdict !== "again") return;
    }
  }
}
