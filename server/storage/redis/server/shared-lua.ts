/** The pieces that all scripts share, also those of the key-value store. */
import { piece } from "./script.ts";

/**
 * At most this many things expire at a time, which takes the server a few milliseconds. This also limits the number of
 * arguments of one command. Even, because some lists consist of pairs.
 */
export const EXPIRE_STEP = 500;

/** A time later than all others: nothing falls due. */
export const NEVER = String(Number.MAX_SAFE_INTEGER);

/**
 * The clock in microseconds since 1970, and `digits`, which formats whole numbers; Lua's own formatting loses digits.
 * No time is later than JavaScript's last.
 */
export const CLOCK = piece(
  "clock",
  { args: ["offset"] },
  `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + offset
local function digits(number) return string.format('%d', number < 8.64e18 and number or 8.64e18) end
local NOW = digits(now)
`,
);

/** Iterates over a list in parts that fit into one command, each with the index at which it begins. */
export const SLICES = piece(
  "slices",
  {},
  `
local function slices(list)
  local first = 1 - ${EXPIRE_STEP}
  return function()
    first = first + ${EXPIRE_STEP}
    if first <= #list then return {unpack(list, first, math.min(first + ${EXPIRE_STEP - 1}, #list))}, first end
  end
end
`,
);
