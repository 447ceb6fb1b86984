/**
 * The scripts of the key-value store on Redis. They use these keys on the server:
 *
 * | key | holds |
 * |---|---|
 * | entries | hash, per name: fence, expiry or `-`, value |
 * | names | sorted set of the entries' names, in order |
 * | ends | sorted set of names, by the expiry of their entries |
 * | locks | hash, per name: fence, expiry, holder |
 * | lock-names, lock-ends | the same as names and ends, for locks |
 * | fence | the last fence |
 *
 * - A name is a region, U+0000 and a key. Neither region nor key contains U+0000, so names sort by region, then by key.
 * - Each script removes what has expired before it does anything else. Times are in microseconds.
 * - A fence is the current time, or the last fence + 1 if that is higher. So a server that lost its last writes reuses
 *   no fence.
 */
import { answers, locals, piece, script } from "../storage/redis/server/script.ts";
import {
  flag,
  list,
  number,
  numeral,
  optionalNumber,
  records,
  text,
} from "../storage/redis/server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP } from "../storage/redis/server/shared-lua.ts";

export const PARTS = ["entries", "names", "ends", "locks", "lock-names", "lock-ends", "fence"] as const;

const STORE = { store: locals(PARTS) };
/** In microseconds: how far the clock of tests is ahead of the server's. */
const CALL = { offset: number };
/** The lock that a write relies on. An empty holder: none. */
const HOLD = { holder: text, fence: numeral };

const EXPIRE = piece(
  "expire entries and locks",
  { pieces: [CLOCK], keys: ["ENTRIES", "NAMES", "ENDS", "LOCKS", "LOCK_NAMES", "LOCK_ENDS"] },
  `
local function remove_expired(records, names, ends)
  local expired = redis.call('ZRANGEBYSCORE', ends, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
  if #expired > 0 then
    redis.call('HDEL', records, unpack(expired))
    redis.call('ZREM', names, unpack(expired))
    redis.call('ZREM', ends, unpack(expired))
  end
  return #expired
end
local expired_entries = remove_expired(ENTRIES, NAMES, ENDS)
local expired_locks = remove_expired(LOCKS, LOCK_NAMES, LOCK_ENDS)
local all_expired = expired_entries < ${EXPIRE_STEP} and expired_locks < ${EXPIRE_STEP}
`,
);

/** Ends the script with `more` while expired entries or locks are left. The caller then runs it again. */
const ENTER = piece(
  "a call",
  { pieces: [EXPIRE] },
  `
if not all_expired then return {'more'} end
`,
);

const LOCK_OF = piece(
  "a key's lock",
  { keys: ["LOCKS"] },
  `
local function lock_of(name)
  return string.match(redis.call('HGET', LOCKS, name) or '', '^(%S+) (%S+) (.*)$')
end
`,
);

/** Whether this holder still has the key's lock, and no later holder has written. */
const HOLDS = piece(
  "check a lock",
  { pieces: [LOCK_OF], keys: ["ENTRIES"], args: ["holder", "fence"] },
  `
local function holds(name)
  local held_fence, _, held_by = lock_of(name)
  if held_by ~= holder or held_fence ~= fence then return false end
  local entry = redis.call('HGET', ENTRIES, name)
  return not entry or tonumber(string.match(entry, '^%S+')) <= tonumber(fence)
end
`,
);

/** Returns the value of each name. A missing entry is null. */
export const GET = script("get values", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, wanted: list(text) },
  uses: [ENTER],
  answers: answers<["ok", values: (string | null)[]]>(),
  lua: `
local values = {}
for index, name in ipairs(wanted) do
  local entry = redis.call('HGET', ENTRIES, name)
  values[index] = entry and string.match(entry, '^%S+ %S+ (.*)$') or false
end
return {'ok', values}`,
});

/** `ttl` is in seconds; null: until deleted. With a holder there is exactly one entry. */
export const SET = script("set values", {
  effect: "grows",
  keys: STORE,
  args: { ...CALL, ...HOLD, ttl: optionalNumber, values: records({ name: text, value: text }) },
  uses: [ENTER, HOLDS],
  answers: answers<["ok" | "refused"]>(),
  lua: `
if holder ~= '' and not holds(values[1].name) then return {'refused'} end
local ends = ttl and digits(now + ttl * 1000000) or '-'
for _, one in ipairs(values) do
  local new_fence = fence
  if holder == '' then new_fence = string.match(redis.call('HGET', ENTRIES, one.name) or '0', '^%S+') end
  redis.call('HSET', ENTRIES, one.name, table.concat({new_fence, ends, one.value}, ' '))
  redis.call('ZADD', NAMES, 0, one.name)
  if ends == '-' then redis.call('ZREM', ENDS, one.name) else redis.call('ZADD', ENDS, ends, one.name) end
end
return {'ok'}`,
});

/** With a holder there is exactly one entry. */
export const DELETE = script("delete values", {
  effect: "writes",
  keys: STORE,
  args: { ...CALL, ...HOLD, doomed: list(text) },
  uses: [ENTER, HOLDS],
  answers: answers<["ok" | "refused", deleted: number]>(),
  lua: `
if holder ~= '' and not holds(doomed[1]) then return {'refused', 0} end
local deleted = 0
for _, name in ipairs(doomed) do
  deleted = deleted + redis.call('HDEL', ENTRIES, name)
  redis.call('ZREM', NAMES, name)
  redis.call('ZREM', ENDS, name)
end
return {'ok', deleted}`,
});

/** `lifetime` is in seconds. */
export const ACQUIRE = script("acquire a lock", {
  effect: "grows",
  keys: STORE,
  args: { ...CALL, name: text, holder: text, lifetime: number },
  uses: [ENTER, LOCK_OF],
  answers: answers<["held"] | ["ok", fence: string, ends: string]>(),
  lua: `
if lock_of(name) then return {'held'} end
local fence = digits(math.max((tonumber(redis.call('GET', FENCE) or 0)) + 1, now))
local ends = digits(now + lifetime * 1000000)
redis.call('SET', FENCE, fence)
redis.call('HSET', LOCKS, name, table.concat({fence, ends, holder}, ' '))
redis.call('ZADD', LOCK_NAMES, 0, name)
redis.call('ZADD', LOCK_ENDS, ends, name)
return {'ok', fence, ends}`,
});

/** `lifetime` and `margin` are in seconds. A lock that ends within the margin is left to end. */
export const RENEW = script("renew a lock", {
  effect: "writes",
  keys: STORE,
  args: { ...CALL, name: text, holder: text, lifetime: number, margin: number },
  uses: [ENTER, LOCK_OF],
  answers: answers<["none"] | ["ok", fence: string, ends: string]>(),
  lua: `
local fence, old_ends, held_by = lock_of(name)
if held_by ~= holder or tonumber(old_ends) <= now + margin * 1000000 then return {'none'} end
local ends = digits(now + lifetime * 1000000)
redis.call('HSET', LOCKS, name, table.concat({fence, ends, holder}, ' '))
redis.call('ZADD', LOCK_ENDS, ends, name)
return {'ok', fence, ends}`,
});

export const RELEASE = script("release a lock", {
  effect: "writes",
  keys: STORE,
  args: { ...CALL, ...HOLD, name: text },
  uses: [ENTER, LOCK_OF],
  answers: answers<["ok"]>(),
  lua: `
local held_fence, _, held_by = lock_of(name)
if held_fence == fence and held_by == holder then
  redis.call('HDEL', LOCKS, name)
  redis.call('ZREM', LOCK_NAMES, name)
  redis.call('ZREM', LOCK_ENDS, name)
end
return {'ok'}`,
});

/** `left`: how long the lock still lives, in microseconds. */
export const FIND = script("find a lock", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, name: text, holder: text },
  uses: [ENTER, LOCK_OF],
  answers: answers<["none"] | ["ok", fence: string, ends: string, left: string]>(),
  lua: `
local fence, ends, held_by = lock_of(name)
if held_by ~= holder then return {'none'} end
return {'ok', fence, ends, digits(ends - now)}`,
});

/**
 * The regions after or before `marker`. An empty marker: from the start, or from the end. Jumps from region to region.
 */
export const REGIONS = script("list regions", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, forward: flag, marker: text, limit: number },
  uses: [ENTER],
  answers: answers<["ok", regions: string[]]>(),
  lua: `
local regions, bound = {}, marker
while #regions < limit do
  local name
  if forward then
    name = redis.call('ZRANGEBYLEX', NAMES, bound == '' and '-' or '[' .. bound .. '\\1', '+', 'LIMIT', 0, 1)[1]
  else
    name = redis.call('ZREVRANGEBYLEX', NAMES, bound == '' and '+' or '(' .. bound .. '\\0', '-', 'LIMIT', 0, 1)[1]
  end
  if not name then break end
  bound = string.sub(name, 1, string.find(name, '\\0', 1, true) - 1)
  regions[#regions + 1] = bound
end
return {'ok', regions}`,
});

export const COUNT = script("count a region", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, region: text },
  uses: [ENTER],
  answers: answers<["ok", count: number]>(),
  lua: `return {'ok', redis.call('ZLEXCOUNT', NAMES, '[' .. region .. '\\0', '(' .. region .. '\\1')}`,
});

const PAGE_ARGS = { command: text, from: text, to: text, limit: numeral };

export const LIST_ENTRIES = script("list entries", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, ...PAGE_ARGS },
  uses: [ENTER],
  answers: answers<["ok", page: [name: string, ends: string][]]>(),
  lua: `
local page = {}
for index, name in ipairs(redis.call(command, NAMES, from, to, 'LIMIT', 0, limit)) do
  page[index] = {name, (string.match(redis.call('HGET', ENTRIES, name), '^%S+ (%S+)'))}
end
return {'ok', page}`,
});

export const LIST_LOCKS = script("list locks", {
  effect: "reads",
  keys: STORE,
  args: { ...CALL, ...PAGE_ARGS },
  uses: [ENTER, LOCK_OF],
  answers: answers<["ok", page: [name: string, fence: string, ends: string, holder: string][]]>(),
  lua: `
local page = {}
for index, name in ipairs(redis.call(command, LOCK_NAMES, from, to, 'LIMIT', 0, limit)) do
  page[index] = {name, lock_of(name)}
end
return {'ok', page}`,
});

export const SWEEP = script("sweep", {
  effect: "writes",
  keys: STORE,
  args: CALL,
  uses: [EXPIRE],
  answers: answers<["ok" | "again", freed: number]>(),
  lua: "return {all_expired and 'ok' or 'again', expired_entries + expired_locks}",
});
