/**
 * What happens to the messages of each queue. Claims that expire and messages whose time ends are counted by the script
 * that sees it, and so is a purge. The rest is gathered in the process and written once a second, beside the scripts of
 * the data plane. A crash loses at most that second's.
 */
import { isProbeQueue } from "../driver-probe.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import { TALLIED, type Tallied, WEIGHT_SECONDS } from "../queue-totals.ts";
import type { PoolKeys } from "./keys.ts";
import { answers, every, locals, script } from "./server/script.ts";
import { list, number, numeral, optionalNumeral, records, text } from "./server/script-parameters.ts";
import type { Scripts } from "./server/scripts.ts";
import { CLOCK, EXPIRE_STEP, SLICES } from "./server/shared-lua.ts";

const FLUSH_INTERVAL_MS = 1000;

/** The fields of a queue's row, as Lua writes them in a list. */
export const TALLY_FIELDS = TALLIED.map((kind) => `'${kind}'`).join(", ");

export const CHANGES = { changes: locals(["changes", "weights"]) };

/** A queue that is not here with this epoch any more is left out. */
const ADD_TALLIES = script("add tallies", {
  effect: "writes",
  keys: { rows: every() },
  args: { entries: records({ epoch: optionalNumeral, kinds: list(text), counts: list(numeral) }) },
  answers: answers<["ok"]>(),
  lua: `
for index, entry in ipairs(entries) do
  local row = rows[index]
  local here = redis.call('HGET', row, 'life')
  if here and (not entry.epoch or entry.epoch == here) then
    for at, kind in ipairs(entry.kinds) do redis.call('HINCRBY', row, kind, entry.counts[at]) end
  end
end
return {'ok'}`,
});

/**
 * `weight_at(noted)`: a queue's weight now, from what was noted of it. A time that went back makes it no heavier.
 */
export const WEIGHT = `
local function weight_at(noted)
  local at, weight = string.match(noted or '', '^(%S+) (%S+)$')
  if not at then return 0 end
  return tonumber(weight) * math.exp(-math.max(now - tonumber(at), 0) / ${WEIGHT_SECONDS}000000)
end
`;

/** Each change has a number of its own, about the time in microseconds, that is higher than all before. */
const NOTE_CHANGES = script("note used queues", {
  effect: "writes",
  keys: CHANGES,
  args: { offset: number, used: records({ name: text, weight: number }) },
  uses: [CLOCK, SLICES],
  answers: answers<["ok"]>(),
  lua: `
${WEIGHT}
local last = redis.call('ZREVRANGE', CHANGES, 0, 0, 'WITHSCORES')[2]
local change = math.max(now, tonumber(last or 0) + 1)
for some in slices(used) do
  local names, numbered, weights = {}, {}, {}
  for index, one in ipairs(some) do names[index] = one.name end
  for index, noted in ipairs(redis.call('HMGET', WEIGHTS, unpack(names))) do
    local name = names[index]
    numbered[#numbered + 1] = digits(change)
    numbered[#numbered + 1] = name
    weights[#weights + 1] = name
    weights[#weights + 1] = NOW .. ' ' .. string.format('%.3f', weight_at(noted) + some[index].weight)
    change = change + 1
  end
  redis.call('ZADD', CHANGES, unpack(numbered))
  redis.call('HSET', WEIGHTS, unpack(weights))
end
return {'ok'}`,
});

interface Gathered {
  queue: QueueRef;
  tally: Partial<Record<Tallied, number>>;
  weight: number;
}

export class Counters {
  readonly #scripts: Scripts;
  readonly #keys: PoolKeys;
  readonly #offset: () => number;
  readonly #onError: (error: unknown) => void;
  #pending = new Map<string, Gathered>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;

  /** `offset`: see QueueRows. */
  constructor(scripts: Scripts, keys: PoolKeys, offset: () => number, onError: (error: unknown) => void) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#offset = offset;
    this.#onError = onError;
  }

  /** Messages of the queue came or went, or changed hands. */
  add(queue: QueueRef, kind: Tallied, count: number): void {
    if (count === 0) return;
    const gathered = this.#gathered(queue);
    if (gathered === undefined) return;
    gathered.tally[kind] = (gathered.tally[kind] ?? 0) + count;
    gathered.weight += count;
  }

  /** The queue's numbers changed: a script has counted what there is to count. */
  touch(queue: QueueRef): void {
    this.#gathered(queue);
  }

  #gathered(queue: QueueRef): Gathered | undefined {
    if (this.#closed) return undefined;
    const key = `${queue.epoch} ${queueKey(queue)}`;
    let gathered = this.#pending.get(key);
    if (gathered === undefined) {
      if (isProbeQueue(queue)) return undefined;
      gathered = { queue, tally: {}, weight: 0 };
      this.#pending.set(key, gathered);
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, FLUSH_INTERVAL_MS).unref();
    return gathered;
  }

  /** Writes what is gathered. Never throws: a failed flush is reported, and its counts wait for the next one. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const gathered = [...this.#pending.values()];
    this.#pending = new Map();
    // The totals first: whoever hears of a change reads them.
    const groups = this.#groups(gathered);
    const written = await Promise.all(groups.map((some) => this.#attempt(some, () => this.#addTallies(some))));
    const changed = groups.filter((_, index) => written[index]).flat();
    for (let from = 0; from < changed.length; from += EXPIRE_STEP) {
      const some = changed.slice(from, from + EXPIRE_STEP);
      await this.#attempt(
        some.map(({ queue }) => ({ queue, tally: {}, weight: 0 })),
        () => this.#noteChanges(some),
      );
    }
  }

  /** Queues that one script can write. */
  #groups(gathered: readonly Gathered[]): Gathered[][] {
    const groups = new Map<string, Gathered[]>();
    const full: Gathered[][] = [];
    for (const one of gathered) {
      const shard = this.#scripts.link.isCluster ? this.#keys.shardOf(one.queue) : "";
      const group = groups.get(shard) ?? [];
      group.push(one);
      groups.set(shard, group);
      if (group.length < EXPIRE_STEP) continue;
      full.push(group);
      groups.delete(shard);
    }
    return [...full, ...groups.values()];
  }

  async #addTallies(some: readonly Gathered[]): Promise<void> {
    const counted = some.filter(({ weight }) => weight > 0);
    if (counted.length === 0) return;
    const rows = this.#keys.rows(counted.map(({ queue }) => queue));
    const entries = counted.map(({ queue, tally }) => ({
      epoch: queue.epoch,
      kinds: Object.keys(tally),
      counts: Object.values(tally),
    }));
    await this.#scripts.run(ADD_TALLIES, { rows }, { entries });
  }

  async #noteChanges(some: readonly Gathered[]): Promise<void> {
    const used = some.map(({ queue, weight }) => ({ name: this.#keys.nameOf(queue), weight }));
    await this.#scripts.run(NOTE_CHANGES, { changes: this.#keys.changes }, { offset: this.#offset(), used });
  }

  /** Whether `work` was done. `again`: what to gather again when it fails. */
  async #attempt(again: readonly Gathered[], work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#onError(error);
      for (const { queue, tally } of again) {
        this.touch(queue);
        for (const [kind, count] of Object.entries(tally)) this.add(queue, kind as Tallied, count);
      }
      return false;
    }
  }

  /** Flushes once more and stops counting. Counts that cannot be written now are lost, as in a crash. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.flush();
  }
}
