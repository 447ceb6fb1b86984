/**
 * What can be brought back is put away beside the queue's row, as retired content whose name is the token: see
 * `PoolKeys.retired`. Its entry in the list of retired contents says how it came there: `purged:`, `deleted:` or
 * `queue:`.
 */
import { PURGED_PARTS } from "../keys.ts";
import { RECORD } from "../messages/records.ts";
import { SCHEDULE } from "../queue-lua.ts";
import { piece } from "../server/script.ts";
import { CLOCK, SLICES } from "../server/shared-lua.ts";

/** The parts that each message is in. */
export const MESSAGE_PARTS = PURGED_PARTS.filter((part) => !part.startsWith("claim-") && part !== "claims");
const SCORED = "{'order', 'expiry', 'ready', 'delayed', 'claimed'}";

/**
 * `carry(ids, source, target, frees)` moves messages from one content to another, both tables of keys, and returns how
 * many there were. `frees`: their claims are over, and those that have expired are left out.
 */
export const CARRY = piece(
  "carry messages",
  { pieces: [CLOCK, SLICES, RECORD] },
  `
local function carry(ids, source, target, frees)
  local carried = 0
  for some in slices(ids) do
    local records, bodies = redis.call('HMGET', source.records, unpack(some)), redis.call('HMGET', source.bodies, unpack(some))
    local fields, carried_bodies, scores = {}, {}, {}
    for _, part in ipairs(${SCORED}) do scores[part] = {} end
    local function put(part, score, id)
      table.insert(scores[part], score)
      table.insert(scores[part], id)
    end
    for index, id in ipairs(some) do
      local record = records[index] and read_record(records[index])
      if record and not (frees and tonumber(record.expires) <= now) then
        local held = tonumber(record.ends) > now
        if frees and held then
          record.ends, record.part, held = '0', '-', false
          records[index] = write_record(record)
        end
        fields[#fields + 1] = id
        fields[#fields + 1] = records[index]
        carried_bodies[#carried_bodies + 1] = id
        carried_bodies[#carried_bodies + 1] = bodies[index]
        put('order', record.marker, id)
        put('expiry', record.expires, id)
        local delayed = available_at(record)
        if held then
          put('claimed', record.ends, id)
        elseif delayed > now then
          put('delayed', digits(delayed), id)
        else
          put('ready', record.marker, id)
        end
        carried = carried + 1
      end
    end
    if #fields > 0 then
      redis.call('HSET', target.records, unpack(fields))
      redis.call('HSET', target.bodies, unpack(carried_bodies))
    end
    redis.call('HDEL', source.records, unpack(some))
    redis.call('HDEL', source.bodies, unpack(some))
    for _, part in ipairs(${SCORED}) do
      if #scores[part] > 0 then redis.call('ZADD', target[part], unpack(scores[part])) end
      redis.call('ZREM', source[part], unpack(some))
    end
  end
  return carried
end
`,
);

/**
 * `keep_deleted(ids, away, token)` puts messages away just before they are removed: what is kept of them is a copy
 * without its claim.
 */
export const KEEP_DELETED = piece(
  "keep deleted messages",
  { pieces: [CLOCK, SLICES, RECORD, SCHEDULE], keys: ["ROW", "RECORDS", "BODIES", "RETIRED"] },
  `
local function keep_deleted(ids, away, entry)
  for some in slices(ids) do
    local records, bodies = redis.call('HMGET', RECORDS, unpack(some)), redis.call('HMGET', BODIES, unpack(some))
    local fields, kept_bodies, order = {}, {}, {}
    for index, id in ipairs(some) do
      if records[index] then
        local record = read_record(records[index])
        record.ends, record.part = '0', '-'
        fields[#fields + 1] = id
        fields[#fields + 1] = write_record(record)
        kept_bodies[#kept_bodies + 1] = id
        kept_bodies[#kept_bodies + 1] = bodies[index]
        order[#order + 1] = record.marker
        order[#order + 1] = id
      end
    end
    if #fields > 0 then
      redis.call('HSET', away.records, unpack(fields))
      redis.call('HSET', away.bodies, unpack(kept_bodies))
      redis.call('ZADD', away.order, unpack(order))
      redis.call('ZADD', RETIRED, NOW, entry)
      schedule(now)
    end
  end
end
`,
);
