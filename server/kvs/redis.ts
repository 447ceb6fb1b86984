/**
 * The backend on a Redis or Valkey, shared by every process that uses it. The server's clock decides all expiry. All of it has one hash tag, so on
 * a cluster it is on one server, and each call is one script.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../errors.ts";
import { parseRedisUri } from "../storage/redis/server/address.ts";
import { RedisCluster, SingleServer } from "../storage/redis/server/cluster.ts";
import type { Reply } from "../storage/redis/server/connection.ts";
import { type Script, Scripts, script } from "../storage/redis/server/scripts.ts";
import { CLOCK, EXPIRE_STEP } from "../storage/redis/server/shared-lua.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { frozenCopy } from "./json-value.ts";
import {
  type Backend,
  type BackingStore,
  COUNT_LIMIT,
  type Grant,
  type Hold,
  type LockPlace,
  type Range,
  type StoredKey,
  type StoredLock,
} from "./region.ts";

/** Of a region's name or a key, in UTF-8: as on PostgreSQL, so that a store can change its backend. */
const MAX_KEY_BYTES = 1024;
/** Between two looks at a lock that another holds: doubling, and scattered so that waiters do not come all at once. */
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 200;

const PARTS = ["entries", "names", "ends", "locks", "lock-names", "lock-ends", "fence"] as const;

/**
 * KEYS: 1 entries (fence, expiry or -, value), 2 their names in order, 3 when they expire, 4 locks (fence, expiry, holder), 5 and 6 the same of
 * them, 7 the last fence. A name is region and key with U+0000 between, which neither has, so names are in the order of both. What has expired is
 * removed first. A fence is the time, or one more than the last where that is higher, so that a server that lost its last writes gives none twice.
 */
const ENTER_ANY = `${CLOCK}
local ENTRIES, NAMES, ENDS, LOCKS, LOCK_NAMES, LOCK_ENDS, FENCE = unpack(KEYS)
local function sweep(records, names, ends)
  local expired = redis.call('ZRANGEBYSCORE', ends, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
  if #expired > 0 then
    redis.call('HDEL', records, unpack(expired))
    redis.call('ZREM', names, unpack(expired))
    redis.call('ZREM', ends, unpack(expired))
  end
  return #expired
end
local swept, dropped = sweep(ENTRIES, NAMES, ENDS), sweep(LOCKS, LOCK_NAMES, LOCK_ENDS)
local settled = swept < ${EXPIRE_STEP} and dropped < ${EXPIRE_STEP}
local function lock_of(name)
  return string.match(redis.call('HGET', LOCKS, name) or '', '^(%S+) (%S+) (.*)$')
end
`;

const ENTER = `${ENTER_ANY}
if not settled then return {'more'} end
`;

/** The key's lock still is this holder's, and no later holder has written. */
const HOLDS = `
local function holds(name, holder, fence)
  local held_fence, _, held_by = lock_of(name)
  if held_by ~= holder or held_fence ~= fence then return false end
  local entry = redis.call('HGET', ENTRIES, name)
  return not entry or tonumber(string.match(entry, '^%S+')) <= tonumber(fence)
end
`;

/** Gives the value of each name, without its fence and expiry. */
const GET = script(
  `${ENTER}
local values = {}
for at = 3, #ARGV do
  local entry = redis.call('HGET', ENTRIES, ARGV[at])
  values[at - 2] = entry and string.match(entry, '^%S+ %S+ (.*)$') or false
end
return {'ok', values}`,
  "reads",
);

/** ARGV: 3 seconds to live or nothing, 4 holder or nothing, 5 fence, then name and value of each entry. */
const SET = script(
  `${ENTER}${HOLDS}
if ARGV[4] ~= '' and not holds(ARGV[6], ARGV[4], ARGV[5]) then return {'refused'} end
local ends = ARGV[3] ~= '' and digits(now + ARGV[3] * 1000000) or '-'
for at = 6, #ARGV, 2 do
  local fence = ARGV[5]
  if ARGV[4] == '' then fence = string.match(redis.call('HGET', ENTRIES, ARGV[at]) or '0', '^%S+') end
  redis.call('HSET', ENTRIES, ARGV[at], table.concat({fence, ends, ARGV[at + 1]}, ' '))
  redis.call('ZADD', NAMES, 0, ARGV[at])
  if ends == '-' then redis.call('ZREM', ENDS, ARGV[at]) else redis.call('ZADD', ENDS, ends, ARGV[at]) end
end
return {'ok'}`,
  "grows",
);

/** ARGV: 3 holder or nothing, 4 fence, then the names. */
const DELETE = script(
  `${ENTER}${HOLDS}
if ARGV[3] ~= '' and not holds(ARGV[5], ARGV[3], ARGV[4]) then return {'refused', 0} end
local deleted = 0
for at = 5, #ARGV do
  deleted = deleted + redis.call('HDEL', ENTRIES, ARGV[at])
  redis.call('ZREM', NAMES, ARGV[at])
  redis.call('ZREM', ENDS, ARGV[at])
end
return {'ok', deleted}`,
  "writes",
);

/** ARGV: 3 name, 4 holder, 5 seconds to live. */
const ACQUIRE = script(
  `${ENTER}
if lock_of(ARGV[3]) then return {'held'} end
local fence = digits(math.max((tonumber(redis.call('GET', FENCE) or 0)) + 1, now))
local ends = digits(now + ARGV[5] * 1000000)
redis.call('SET', FENCE, fence)
redis.call('HSET', LOCKS, ARGV[3], table.concat({fence, ends, ARGV[4]}, ' '))
redis.call('ZADD', LOCK_NAMES, 0, ARGV[3])
redis.call('ZADD', LOCK_ENDS, ends, ARGV[3])
return {'ok', fence}`,
  "grows",
);

/** ARGV: 3 name, 4 holder, 5 fence. */
const RELEASE = script(
  `${ENTER}
local fence, _, holder = lock_of(ARGV[3])
if fence == ARGV[5] and holder == ARGV[4] then
  redis.call('HDEL', LOCKS, ARGV[3])
  redis.call('ZREM', LOCK_NAMES, ARGV[3])
  redis.call('ZREM', LOCK_ENDS, ARGV[3])
end
return {'ok'}`,
  "writes",
);

/** ARGV: 3 name, 4 holder. */
const FIND = script(
  `${ENTER}
local fence, ends, holder = lock_of(ARGV[3])
if holder ~= ARGV[4] then return {'none'} end
return {'ok', fence, digits(ends - now)}`,
  "reads",
);

/** ARGV: 3 the direction, 4 where to begin or nothing, 5 how many. Jumps from region to region. */
const REGIONS = script(
  `${ENTER}
local regions, bound = {}, ARGV[4]
while #regions < tonumber(ARGV[5]) do
  local name
  if ARGV[3] == 'forward' then
    name = redis.call('ZRANGEBYLEX', NAMES, bound == '' and '-' or '[' .. bound .. '\\1', '+', 'LIMIT', 0, 1)[1]
  else
    name = redis.call('ZREVRANGEBYLEX', NAMES, bound == '' and '+' or '(' .. bound .. '\\0', '-', 'LIMIT', 0, 1)[1]
  end
  if not name then break end
  bound = string.sub(name, 1, string.find(name, '\\0', 1, true) - 1)
  regions[#regions + 1] = bound
end
return {'ok', regions}`,
  "reads",
);

/** ARGV: 3 region. */
const COUNT = script(
  `${ENTER} return {'ok', redis.call('ZLEXCOUNT', NAMES, '[' .. ARGV[3] .. '\\0', '(' .. ARGV[3] .. '\\1')}`,
  "reads",
);

/** ARGV: 3 which, 4 command, 5 and 6 bounds, 7 how many. Gives each name with its record, up to its value. */
const PAGE = script(
  `${ENTER}
local page = {}
local entries = ARGV[3] == 'entries'
for _, name in ipairs(redis.call(ARGV[4], entries and NAMES or LOCK_NAMES, ARGV[5], ARGV[6], 'LIMIT', 0, ARGV[7])) do
  local first, ends, rest = string.match(redis.call('HGET', entries and ENTRIES or LOCKS, name), '^(%S+) (%S+) (.*)$')
  page[#page + 1] = {name, first, ends, entries and '' or rest}
end
return {'ok', page}`,
  "reads",
);

const SWEEP = script(`${ENTER_ANY} return {settled and 'ok' or 'again', swept + dropped}`, "writes");

export interface RedisBackend extends Backend {
  /** Waits for calls in flight, then closes the connection. */
  close(): Promise<void>;
}

/** Connects at the first call. Waiters for a lock poll, and get it in no promised order. BAD_INPUT for a URI that makes no sense. */
export function createRedisBackend(params: {
  uri: string;
  clock?: Clock;
  onError?: (error: unknown) => void;
}): RedisBackend {
  const clock = params.clock ?? { offsetMs: 0 };
  const address = parseRedisUri(params.uri);
  const onError = params.onError ?? (() => undefined);
  const link = address.cluster ? new RedisCluster(address, onError) : new SingleServer(address, onError);
  const store = new Store(new Scripts(link), `${address.prefix}:{key-values}`, clock);

  const page = async (what: "entries" | "locks", bounds: Bounds) => {
    const [, found] = await store.run(PAGE, [what, bounds.command, bounds.from, bounds.to, String(bounds.limit)]);
    const rows = found as [string, string, string, string][];
    return bounds.backward ? rows.reverse() : rows;
  };
  return {
    open: (region) => new RedisRegion(region, store, clock),
    async regions(range) {
      const backward = range.before !== undefined;
      const marker = range.before ?? range.after ?? "";
      const values = [backward ? "backward" : "forward", marker, String(range.limit)];
      const [, found] = await store.run(REGIONS, values);
      return backward ? (found as string[]).toReversed() : (found as string[]);
    },
    async count(region) {
      const [, value] = await store.run(COUNT, [region]);
      const count = value as number;
      return count > COUNT_LIMIT ? { value: COUNT_LIMIT, exact: false } : { value: count, exact: true };
    },
    async keys(region, range) {
      const rows = await page(
        "entries",
        boundsOf(range, (key) => nameOf(region, key), region),
      );
      return rows.map(([name, , ends]): StoredKey => ({ key: placeOf(name).key, expiresAt: dateOf(ends) }));
    },
    async locks(range, region) {
      const rows = await page(
        "locks",
        boundsOf<LockPlace>(range, (place) => nameOf(place.region, place.key), region),
      );
      return rows.map(
        ([name, fence, ends, holder]): StoredLock => ({
          ...placeOf(name),
          holder,
          fence: Number(fence),
          expiresAt: dateOf(ends) as Date,
        }),
      );
    },
    async sweep() {
      for (let sum = 0; ; ) {
        const [verdict, freed] = await store.run(SWEEP, []);
        sum += freed as number;
        if (verdict === "ok") return sum;
      }
    },
    close: () => store.close(),
  };
}

interface Bounds {
  command: "ZRANGEBYLEX" | "ZREVRANGEBYLEX";
  from: string;
  to: string;
  limit: number;
  backward: boolean;
}

/** Names between a marker and the end of the region, or of all regions. */
function boundsOf<M>(range: Range<M>, name: (marker: M) => string, region: string | undefined): Bounds {
  const [least, most] = region === undefined ? ["-", "+"] : [`[${region}\0`, `(${region}\u0001`];
  const { after, before, limit } = range;
  return before === undefined
    ? {
        command: "ZRANGEBYLEX",
        from: after === undefined ? least : `(${name(after)}`,
        to: most,
        limit,
        backward: false,
      }
    : { command: "ZREVRANGEBYLEX", from: `(${name(before)}`, to: least, limit, backward: true };
}

const nameOf = (region: string, key: string) => `${region}\0${key}`;

function placeOf(name: string): LockPlace {
  const at = name.indexOf("\0");
  return { region: name.slice(0, at), key: name.slice(at + 1) };
}

const dateOf = (microseconds: string) => (microseconds === "-" ? null : new Date(Number(microseconds) / 1000));

class RedisRegion implements BackingStore {
  readonly #region: string;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(region: string, store: Store, clock: Clock) {
    requireStorable(region);
    this.#region = region;
    this.#store = store;
    this.#clock = clock;
  }

  async get(keys: readonly string[]): Promise<unknown[]> {
    const storable = [...new Set(keys.filter(isStorable))];
    if (storable.length === 0) return keys.map(() => undefined);
    const [, found] = await this.#store.run(
      GET,
      storable.map((key) => nameOf(this.#region, key)),
    );
    const texts = found as (string | null)[];
    const values = new Map<string, unknown>();
    storable.forEach((key, index) => {
      const text = texts[index];
      if (typeof text === "string") values.set(key, frozenCopy(JSON.parse(text)));
    });
    return keys.map((key) => values.get(key));
  }

  async set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean> {
    for (const [key] of entries) requireStorable(key);
    if (entries.length === 0) return true;
    const { ttlSeconds, hold } = options;
    const values = [ttlSeconds === null ? "" : String(ttlSeconds), ...holdValues(hold)];
    for (const [key, value] of entries) values.push(nameOf(this.#region, key), JSON.stringify(value));
    const [verdict] = await this.#store.run(SET, values);
    return verdict === "ok";
  }

  async delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }> {
    const names = keys.filter(isStorable).map((key) => nameOf(this.#region, key));
    if (names.length === 0) return { refused: false, deleted: 0 };
    const [verdict, deleted] = await this.#store.run(DELETE, [...holdValues(hold), ...names]);
    return { refused: verdict === "refused", deleted: deleted as number };
  }

  async acquireLock(
    key: string,
    holder: string,
    times: { lifeSeconds: number; waitSeconds: number },
  ): Promise<Grant | null> {
    requireStorable(key);
    const deadline = monotonicNow(this.#clock) + times.waitSeconds * 1000;
    for (let attempt = 0; ; attempt++) {
      const sentAt = monotonicNow(this.#clock);
      const values = [nameOf(this.#region, key), holder, String(times.lifeSeconds)];
      const [verdict, fence] = await this.#store.run(ACQUIRE, values);
      const now = monotonicNow(this.#clock);
      if (verdict === "ok") {
        return { fence: Number(fence), remainingSeconds: times.lifeSeconds - (now - sentAt) / 1000 };
      }
      if (now >= deadline) return null;
      const longest = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
      await sleep(Math.min(longest * (0.5 + Math.random() / 2), deadline - now));
    }
  }

  async releaseLock(key: string, hold: Hold): Promise<void> {
    await this.#store.run(RELEASE, [nameOf(this.#region, key), ...holdValues(hold)]);
  }

  async findLock(key: string, holder: string): Promise<Grant | null> {
    if (!isStorable(key) || !isStorable(holder)) return null;
    const sentAt = monotonicNow(this.#clock);
    const [verdict, fence, left] = await this.#store.run(FIND, [nameOf(this.#region, key), holder]);
    if (verdict !== "ok") return null;
    const remainingSeconds = Number(left) / 1_000_000 - (monotonicNow(this.#clock) - sentAt) / 1000;
    return { fence: Number(fence), remainingSeconds };
  }
}

const holdValues = (hold: Hold | undefined): [string, string] =>
  hold === undefined ? ["", "0"] : [hold.holder, String(hold.fence)];

/** Scripts on the keys of all regions. */
class Store {
  readonly #scripts: Scripts;
  readonly #keys: string[];
  readonly #clock: Clock;
  #closing: Promise<void> | null = null;

  constructor(scripts: Scripts, base: string, clock: Clock) {
    this.#scripts = scripts;
    this.#keys = PARTS.map((part) => `${base}:${part}`);
    this.#clock = clock;
  }

  run(script: Script, values: readonly string[]): Promise<readonly Reply[]> {
    const offset = String(Math.round(this.#clock.offsetMs * 1000));
    return this.#scripts.settled(script, this.#keys, ["", offset, ...values]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#scripts.calls.settled().then(() => this.#scripts.link.close());
    return this.#closing;
  }
}

/** U+0000 stands between region and key, and lone surrogates would all become the same replacement character: two keys would meet. */
function isStorable(key: string): boolean {
  return !key.includes("\0") && key.isWellFormed() && Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

function requireStorable(key: string): void {
  if (isStorable(key)) return;
  throw new DomainError("BAD_INPUT", `A key is Unicode text without U+0000, of at most ${MAX_KEY_BYTES} bytes.`);
}
