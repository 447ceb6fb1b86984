/**
 * How scripts write down what happens to messages: see MessageLives. Beside a queue's row that has the field `history`
 * are two more keys:
 *
 * | key | |
 * |---|---|
 * | <row>:lives | a hash. By message id: a line for each event, oldest first |
 * | <row>:life-ends | a sorted set. By message id: when the time of its newest event is over |
 *
 * A line is the kind of the event, and then fields as in a message's record: at, client, actor, claim, until, count,
 * other. A line `cut` stands for those that were left out of a long life. These keys are not among those of a script:
 * most queues have none, and their calls would carry the names for nothing. They have the hash tag of the row.
 */
import { MAX_QUEUE_EVENT_BYTES } from "../../messages/message-life.ts";
import { type Piece, piece } from "../server/script.ts";
import { CLOCK, SLICES } from "../server/shared-lua.ts";

/** The names of the two keys. */
export const LIVES = "':lives'";
export const LIFE_ENDS = "':life-ends'";
/** The fields of a row that belong to lives. */
export const LIFE_FIELDS = "'history', 'history-since', 'life-bytes', 'purged-at'";

/** A longer life, in bytes, is cut to its first and its newest lines. */
const LONG_LIFE = 24_576;
const FIRST_LINES = 2048;
const NEWEST_LINES = 16_384;
/** What a life takes beside its text, about. */
const LIFE_WEIGHT = 200;
/** Lives that one step gives up when they take too much. */
const GIVE_UP_STEP = 100;

/**
 * `tell_in(row, due, seconds, events)` writes events, {id, line} each, to the queue with this row; `due` is the shard's
 * list for gc. `tell(events)` does it for the queue of the script. `tell_lapsed(ids)` and `tell_ended(ids, kind)` tell
 * of messages that still have their records; "restored" is told like the ends. `forget_lives(row, ids)` removes lives.
 *
 * All are nil while the queue keeps no lives, so that such queues pay for one comparison. For a transfer into a queue
 * that does, `begin_telling` defines them. `queueRow`: the piece that reads the row.
 */
export const tellPiece = (queueRow: Piece) =>
  piece(
    "tell of lives",
    { pieces: [CLOCK, SLICES, queueRow], keys: ["ROW", "DUE", "RECORDS"] },
    `
local tell, tell_in, tell_lapsed, tell_ended, forget_lives
local function begin_telling()
  forget_lives = function(row, ids)
    local freed = 0
    for _, text in ipairs(redis.call('HMGET', row .. ${LIVES}, unpack(ids))) do
      if text then freed = freed + #text + ${LIFE_WEIGHT} end
    end
    redis.call('HDEL', row .. ${LIVES}, unpack(ids))
    redis.call('ZREM', row .. ${LIFE_ENDS}, unpack(ids))
    return redis.call('HINCRBY', row, 'life-bytes', -freed)
  end
  local function shortened(text)
    local first = string.match(string.sub(text, 1, ${FIRST_LINES}), '^(.*\\n)') or ''
    local newest = string.match(string.sub(text, -${NEWEST_LINES}), '\\n(.*)$') or ''
    return (string.gsub(first, 'cut\\n', '')) .. 'cut\\n' .. (string.gsub(newest, 'cut\\n', ''))
  end
  tell_in = function(row, due, seconds, events)
    if #events == 0 then return end
    local ids, lines, ends = {}, {}, digits(now + seconds * 1000000)
    for _, event in ipairs(events) do
      local id, line = unpack(event)
      if not lines[id] then ids[#ids + 1] = id end
      lines[id] = (lines[id] or '') .. line .. '\\n'
    end
    local grown = 0
    for some in slices(ids) do
      local fields, scores = {}, {}
      for index, before in ipairs(redis.call('HMGET', row .. ${LIVES}, unpack(some))) do
        local id = some[index]
        local text = (before or '') .. lines[id]
        if #text > ${LONG_LIFE} then text = shortened(text) end
        grown = grown + #text - (before and #before or -${LIFE_WEIGHT})
        fields[#fields + 1] = id
        fields[#fields + 1] = text
        scores[#scores + 1] = ends
        scores[#scores + 1] = id
      end
      redis.call('HSET', row .. ${LIVES}, unpack(fields))
      redis.call('ZADD', row .. ${LIFE_ENDS}, unpack(scores))
    end
    local bytes = redis.call('HINCRBY', row, 'life-bytes', grown)
    while bytes > ${MAX_QUEUE_EVENT_BYTES} do
      local oldest = redis.call('ZRANGE', row .. ${LIFE_ENDS}, 0, ${GIVE_UP_STEP - 1})
      if #oldest == 0 then break end
      bytes = forget_lives(row, oldest)
    end
    redis.call('ZADD', due, 'LT', ends, row)
  end
  tell = function(events) tell_in(ROW, DUE, history, events) end
  local function each_record(ids, line_of)
    local events = {}
    for some in slices(ids) do
      for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
        local line = record and line_of(record)
        if line then events[#events + 1] = {some[index], line} end
      end
    end
    tell(events)
  end
  tell_lapsed = function(ids)
    each_record(ids, function(record)
      local claim, ends, holder = string.match(record, ' claim=(%S+) ends=(%S+) part=d holder=(%S+)')
      return claim and 'lapsed at=' .. ends .. ' client=' .. holder .. ' claim=' .. claim
    end)
  end
  tell_ended = function(ids, kind)
    each_record(ids, function(record)
      local at = kind == 'expired' and string.match(record, ' expires=(%S+)') or NOW
      local count = ' count=' .. (string.match(record, ' count=(%S+)') or '0')
      local claim, ends, holder = string.match(record, ' claim=(%S+) ends=(%S+) part=d holder=(%S+)')
      if (kind == 'deleted' or kind == 'deadLettered' or kind == 'moved') and claim and tonumber(ends) > now then
        return kind .. ' at=' .. at .. count .. ' client=' .. holder .. ' claim=' .. claim
      end
      return kind .. ' at=' .. at .. count
    end)
  end
end
if history then begin_telling() end
`,
  );
