/** Which queues are used. See ActivityReads. */
import type { ActivityReads, ChangedQueue } from "../activity.ts";
import { isProbeQueue } from "../driver-probe.ts";
import { CHANGES, WEIGHT } from "./counters.ts";
import { SHARDS } from "./keys.ts";
import type { QueueRows } from "./queue-rows.ts";
import { answers, locals, script } from "./server/script.ts";
import { list, number, numeral, text } from "./server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP, SLICES } from "./server/shared-lua.ts";

/** How long a queue is remembered after its last change. */
const KEPT_SECONDS = 86_400;
/** Scripts of one collection, which forgets the rest the next time. */
const MAX_SCRIPTS = 100;

/** Changes above `after`, in order, and the number of the last one that there is. */
const READ_CHANGES = script("read changes", {
  effect: "reads",
  keys: CHANGES,
  args: { offset: number, after: text, limit: numeral },
  uses: [CLOCK, SLICES],
  answers: answers<["ok", changes: [name: string, change: string, weight: string][], last: string]>(),
  lua: `
${WEIGHT}
local found = redis.call('ZRANGEBYSCORE', CHANGES, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local names, changes = {}, {}
for index = 1, #found, 2 do names[#names + 1] = found[index] end
for some, first in slices(names) do
  for index, noted in ipairs(redis.call('HMGET', WEIGHTS, unpack(some))) do
    local change = digits(tonumber(found[2 * (first + index - 1)]))
    changes[#changes + 1] = {some[index], change, string.format('%.3f', weight_at(noted))}
  end
end
return {'ok', changes, digits(tonumber(redis.call('ZREVRANGE', CHANGES, 0, 0, 'WITHSCORES')[2] or 0))}`,
});

/** Those of the names that have no change. */
const WITHOUT_CHANGE = script("find queues without a change", {
  effect: "reads",
  keys: CHANGES,
  args: { names: list(text) },
  uses: [SLICES],
  answers: answers<["ok", names: string[]]>(),
  lua: `
local without = {}
for some in slices(names) do
  for index, change in ipairs(redis.call('ZMSCORE', CHANGES, unpack(some))) do
    if not change then without[#without + 1] = some[index] end
  end
end
return {'ok', without}`,
});

/** Every queue that holds something is in its shard's list. */
const LIST_SHARD = script("list a shard", {
  effect: "reads",
  keys: { shard: locals(["due"]) },
  args: {},
  answers: answers<["ok", keys: string[]]>(),
  lua: "return {'ok', redis.call('ZRANGE', DUE, 0, -1)}",
});

const FORGET_CHANGES = script("forget old changes", {
  effect: "writes",
  keys: CHANGES,
  args: { offset: number },
  uses: [CLOCK],
  answers: answers<["ok", forgotten: number]>(),
  lua: `
local old = redis.call('ZRANGEBYSCORE', CHANGES, '-inf', digits(now - ${KEPT_SECONDS}000000), 'LIMIT', 0, ${EXPIRE_STEP})
if #old > 0 then
  redis.call('ZREM', CHANGES, unpack(old))
  redis.call('HDEL', WEIGHTS, unpack(old))
end
return {'ok', #old}`,
});

/** Forgets the queues that nobody has used for a day. */
export async function forgetOldChanges(queues: QueueRows): Promise<void> {
  const { scripts, keys } = queues;
  for (let count = 0; count < MAX_SCRIPTS; count += 1) {
    const args = { offset: queues.offset() };
    const [, forgotten] = await scripts.run(FORGET_CHANGES, { changes: keys.changes }, args);
    if (forgotten < EXPIRE_STEP) return;
  }
}

/**
 * A mark: the change that was read last. With a plus sign it is one of a listing of all queues: first those with a
 * change, then the shards, of which it names one, and in it the queue that was listed last.
 */
const MARK = /^(\d{1,16})(?:(\+)(?:(\d{1,3}):(.*))?)?$/;

interface Place {
  change: string;
  listsAll: boolean;
  /** Null: the changes. */
  shard: number | null;
  /** In the shard. */
  after: string;
}

const START: Place = { change: "0", listsAll: true, shard: null, after: "" };

function placeOf(mark: string | null): Place {
  const [, change, plus, shard, after = ""] = MARK.exec(mark ?? "") ?? [];
  if (change === undefined) return START;
  return { change, listsAll: plus !== undefined, shard: shard === undefined ? null : Number(shard), after };
}

function markOf({ change, listsAll, shard, after }: Place): string {
  if (!listsAll) return change;
  return shard === null ? `${change}+` : `${change}+${shard}:${after}`;
}

export function redisActivity(queues: QueueRows, { readings }: { readings: ActivityReads["read"] }): ActivityReads {
  const { scripts, keys } = queues;

  async function changes(place: Place, limit: number): Promise<{ found: ChangedQueue[]; place: Place; more: boolean }> {
    const args = { offset: queues.offset(), after: place.change, limit };
    const [, found, last] = await scripts.run(READ_CHANGES, { changes: keys.changes }, args);
    // A mark of another store, or of one that lost what it held: begins anew.
    if (Number(place.change) > Number(last)) return changes(START, limit);
    const more = found.length === limit;
    const change = found.at(-1)?.[1] ?? place.change;
    const shard = place.listsAll && !more ? 0 : null;
    return {
      found: found.map(([name, , weight]) => ({ queue: keys.queueNamed(name), weight: Number(weight) })),
      place: { ...place, change, shard },
      more,
    };
  }

  /** Queues that hold something, but had no change for a day. */
  async function unchanged(place: Place, limit: number): Promise<{ found: ChangedQueue[]; place: Place }> {
    const found: ChangedQueue[] = [];
    let { after } = place;
    for (let shard = place.shard ?? 0; shard < SHARDS; shard += 1) {
      const [, listed] = await scripts.run(LIST_SHARD, { shard: keys.due(shard) }, {});
      const names = listed.filter((key) => !keys.isSubscriptions(key)).map((row) => keys.nameInRow(row));
      const behind = names.filter((name) => name > after).sort();
      const [, without] =
        behind.length === 0
          ? ["ok", [] as string[]]
          : await scripts.run(WITHOUT_CHANGE, { changes: keys.changes }, { names: behind });
      const some = without.slice(0, limit - found.length);
      found.push(...some.map((name) => ({ queue: keys.queueNamed(name), weight: 0 })));
      if (found.length === limit) return { found, place: { ...place, shard, after: some.at(-1) ?? after } };
      after = "";
    }
    return { found, place: { ...place, listsAll: false, shard: null, after: "" } };
  }

  return {
    async changed({ mark, limit }) {
      let place = placeOf(mark);
      const found: ChangedQueue[] = [];
      let more = false;
      if (place.shard === null) {
        const first = await changes(place, limit);
        ({ place, more } = first);
        found.push(...first.found);
      }
      if (place.shard !== null && found.length < limit) {
        const rest = await unchanged(place, limit - found.length);
        ({ place } = rest);
        found.push(...rest.found);
      }
      return {
        queues: found.filter(({ queue }) => !isProbeQueue(queue)),
        mark: markOf(place),
        more: more || place.listsAll,
      };
    },
    read: readings,
  };
}
