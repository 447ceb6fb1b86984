import { piece } from "../server/script.ts";
import { CLOCK } from "../server/shared-lua.ts";
import { RECORD } from "./records.ts";

/**
 * `last_before(time)` returns the highest marker at or below which all messages were created before `time`
 * (microseconds), by halving: times grow with markers. '0': none was.
 */
export const LAST_BEFORE = piece(
  "the last marker before a time",
  { pieces: [CLOCK, RECORD], keys: ["ORDER", "RECORDS"] },
  `
local function last_before(time)
  local low, high = 0, redis.call('ZCARD', ORDER)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local record = read_record(redis.call('HGET', RECORDS, redis.call('ZRANGE', ORDER, middle, middle)[1]))
    if tonumber(record.created) < time then low = middle + 1 else high = middle end
  end
  if low == 0 then return '0' end
  return digits(tonumber(redis.call('ZRANGE', ORDER, low - 1, low - 1, 'WITHSCORES')[2]))
end
`,
);
