import { QUEUE_ROW } from "../queue-lua.ts";
import { piece } from "../server/script.ts";
import { EXPIRE_STEP } from "../server/shared-lua.ts";
import { RECORD } from "./records.ts";

/**
 * A script that filters messages looks at no more than about this many, so as not to block the server. The caller
 * continues where it stopped.
 */
export const LOOK_AT = 2000;

/**
 * `exhausted_front(from)` returns a marker. Every message at or below it was claimed `from` times or more; `from` is
 * the text of a number. A look for ready messages therefore begins at `behind_front`, or further on, where an earlier
 * run stopped. Once true, this stays true: counts only grow, and so do markers. The row keeps the front for the queue's
 * epoch, and each call advances it a little. Price: the front stops at a message that was claimed less often, even
 * while a long claim or a delay keeps that message back.
 */
export const EXHAUSTED_FRONT = piece(
  "the exhausted front",
  { pieces: [QUEUE_ROW, RECORD], keys: ["ROW", "ORDER", "RECORDS"] },
  `
local function exhausted_front(from)
  local of, of_epoch, front = string.match(redis.call('HGET', ROW, 'exhausted') or '', '^(%S+) (%S+) (%S+)$')
  if of ~= from or of_epoch ~= epoch then front = '0' end
  local began, looked, step = front, 0, 1
  repeat
    local page, ended = redis.call('ZRANGEBYSCORE', ORDER, '(' .. front, '+inf', 'LIMIT', 0, step), false
    for _, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      record = read_record(record)
      ended = tonumber(record.count) < tonumber(from)
      if ended then break end
      front = record.marker
    end
    ended = ended or #page < step
    looked, step = looked + #page, ${EXPIRE_STEP}
  until ended or looked >= ${LOOK_AT}
  if front ~= began then redis.call('HSET', ROW, 'exhausted', from .. ' ' .. epoch .. ' ' .. front) end
  return front
end
local function behind_front(from, bound)
  local front = exhausted_front(from)
  if bound ~= '-inf' and tonumber(string.sub(bound, 2)) > tonumber(front) then return bound end
  return '(' .. front
end
`,
);
