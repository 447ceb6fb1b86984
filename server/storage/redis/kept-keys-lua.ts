/** The Lua pieces that know idempotency keys, and what is kept for them. */
import { KEY_SECONDS, POP_KEY_SECONDS, POP_PREFIX } from "../idempotency.ts";
import { SCHEDULE } from "./queue-lua.ts";
import { piece } from "./server/script.ts";
import { CLOCK } from "./server/shared-lua.ts";

/** How long idempotency keys are kept, in microseconds: those of pops, and all others. */
export const POP_LIFE = `${POP_KEY_SECONDS}000000`;
export const KEY_LIFE = `${KEY_SECONDS}000000`;

/** How long the key of a request is kept. */
export const LIFE_OF_KEY = piece(
  "life of a key",
  {},
  `
local function life_of_key(request)
  return string.sub(request, 1, ${POP_PREFIX.length}) == '${POP_PREFIX}' and ${POP_LIFE} or ${KEY_LIFE}
end
`,
);

/**
 * Idempotency keys, as `optionalText` sends them: with a sign in front. `kept` returns the request and the result of a
 * key that was used and is still kept. `keep` records a use.
 */
export const KEPT_KEYS = piece(
  "idempotency keys",
  { pieces: [CLOCK, SCHEDULE, LIFE_OF_KEY], keys: ["KEPT", "KEPT_ENDS"] },
  `
local function kept(key)
  local at, request, result = string.match(redis.call('HGET', KEPT, key) or '', '^(%S+) (%S+) (.*)$')
  if at and at + life_of_key(request) > now then return request, result end
end
local function keep(key, request, result)
  local ends = now + life_of_key(request)
  redis.call('HSET', KEPT, key, NOW .. ' ' .. request .. ' ' .. result)
  redis.call('ZADD', KEPT_ENDS, digits(ends), key)
  schedule(ends)
end
`,
);

/**
 * For calls that do a part of their work at a time, and keep ids. `kept_parts` returns the ids that parts before have
 * kept, as a list and as a set, and the key for the next part. Nil: the key was used for another request.
 */
export const KEPT_PARTS = piece(
  "parts of what a key keeps",
  { pieces: [KEPT_KEYS], keys: ["KEPT"] },
  `
local function kept_parts(key, digest)
  local ids, is_kept, part = {}, {}, 0
  if key == '-' then return ids, is_kept end
  while true do
    local request, result = kept(key .. '#' .. part)
    if not request then return ids, is_kept, key .. '#' .. part end
    if request ~= digest then return nil end
    for id in string.gmatch(result, '%S+') do
      ids[#ids + 1] = id
      is_kept[id] = true
    end
    part = part + 1
  end
end
`,
);

/**
 * Fields of KEPT that count the bytes of kept answers, each for a minute. After so many minutes a field is used again.
 */
const MINUTES = POP_KEY_SECONDS / 60 + 2;
const FIELDS = Array.from({ length: MINUTES }, (_, minute) => `'popped ${minute}'`).join(", ");

/**
 * `kept_pop_bytes()` returns how many bytes of answers the pops of the queue keep. `count_pop_bytes` counts one that
 * was kept at `used`. What a minute has counted ends with the keys of its pops, so nothing is ever subtracted.
 * Idempotency keys begin with a sign, so none is the name of such a field.
 */
export const KEPT_POP_BYTES = piece(
  "bytes of kept pops",
  { pieces: [CLOCK], keys: ["KEPT"] },
  `
local function minute_of(time) return math.floor(time / 60000000) end
local function kept_pop_bytes()
  local sum = 0
  for _, field in ipairs(redis.call('HMGET', KEPT, ${FIELDS})) do
    local minute, bytes = string.match(field or '', '^(%d+) (%d+)$')
    if minute and tonumber(minute) >= minute_of(now) - ${POP_KEY_SECONDS / 60} then sum = sum + tonumber(bytes) end
  end
  return sum
end
local function count_pop_bytes(used, bytes)
  local minute = minute_of(used)
  local field = 'popped ' .. digits(minute % ${MINUTES})
  local last, sum = string.match(redis.call('HGET', KEPT, field) or '', '^(%d+) (%d+)$')
  if last and tonumber(last) > minute then return end
  if tonumber(last) == minute then bytes = bytes + tonumber(sum) end
  redis.call('HSET', KEPT, field, digits(minute) .. ' ' .. digits(bytes))
end
`,
);
