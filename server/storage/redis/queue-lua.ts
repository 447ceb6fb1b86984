/**
 * The Lua pieces that the scripts of a queue share.
 *
 * Times and markers are microseconds since 1970, which a double holds exactly until the year 2255. A marker is the time
 * of its post, or the last marker + 1 if that is higher. So it is never reused, not even when a queue's row was
 * deleted, or a replica took over without the last writes. Hazard: a queue from a PostgreSQL pool that failed over
 * twice within days brings markers that are ahead of the time. Until the time has caught up, the markers of lost writes
 * are given again. Message ids are random here.
 *
 * A message is in `order`, in `expiry`, and in one of the other three sorted sets:
 *
 * | set | members | score |
 * |---|---|---|
 * | order | all messages | marker |
 * | expiry | all messages | when the message expires |
 * | ready | messages that a claim may acquire | marker |
 * | delayed | messages with a delay | when the delay ends |
 * | claimed | messages that a live claim holds | when the claim ends |
 *
 * A command costs a script more than the work it does. So commands are few, and each takes many messages.
 *
 * A queue's row is a hash:
 *
 * | field | meaning |
 * |---|---|
 * | life | the queue's epoch; absent when the queue does not live here |
 * | epoch | for processes of earlier versions: see `epoch_in` |
 * | last | the highest marker so far |
 * | next | when something falls due next, or an earlier time |
 * | exhausted | how far exhausted messages reach from the front: see messages/exhausted.ts |
 * | moving | the attempt to move the queue away; changes are noted for it |
 * | frozen | set while nothing of the queue may change |
 * | low | everything at or below this marker was purged since the move began |
 * | tombstone | the epoch of a queue that does not live here, while its subscriptions move |
 * | fence | the newest attempt to move the queue away, begun or given up |
 * | left | the epoch that moved away last |
 * | arriving | the epoch whose copy is being written here |
 * | undo | the token of the last purge, if it can be brought back, and `purged-at` before it |
 * | history | for how many seconds it keeps the lives of its messages; absent: not at all. See lives/lua.ts |
 * | history-since, life-bytes, purged-at | since when, how much that is, and when all was purged |
 * | posted, claimed, popped, released, lapsed, deleted, expired, deadLettered, moved | see QueueTotals, for this epoch |
 */
import { CONTENT_PARTS, QUEUE_PARTS } from "./keys.ts";
import { LIFE_ENDS, LIFE_FIELDS, LIVES, tellPiece } from "./lives/lua.ts";
import { locals, piece } from "./server/script.ts";
import { number, optionalNumeral } from "./server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP, NEVER, SLICES } from "./server/shared-lua.ts";

/** The keys of a script of one queue. */
export const QUEUE = { queue: locals(QUEUE_PARTS) };

/** The arguments of every call: the epoch that the caller means, or none, and the clock's offset in microseconds. */
export const CALL = { callerEpoch: optionalNumeral, offset: number };

/** An epoch above all others. */
const NEWEST_EPOCH = String(Number.MAX_SAFE_INTEGER);

/**
 * `epoch_in(row)` returns the epoch of a row without a field `life`. Earlier versions kept it in `epoch`, and could not
 * read the records of messages and claims as they are now. So the first call of this version gives the queue to it:
 * from then on a process of an earlier version finds an epoch above its own. It changes nothing then, and tells its
 * callers to try again. An attempt of such a process to move the queue is over; once it has frozen the queue it may go
 * on, because nothing else changes the queue until it ends.
 *
 * `begin_life` and `end_life` write both fields.
 */
export const LIFE = piece(
  "the life of a queue",
  {},
  `
local function begin_life(row, epoch) redis.call('HSET', row, 'life', epoch, 'epoch', '${NEWEST_EPOCH}') end
local function end_life(row) redis.call('HDEL', row, 'life', 'epoch') end
local function epoch_in(row)
  local earlier, frozen = unpack(redis.call('HMGET', row, 'epoch', 'frozen'))
  if not earlier or frozen then return earlier end
  begin_life(row, earlier)
  redis.call('HDEL', row, 'moving', 'low', 'keys-read')
  return earlier, true
end
`,
);

/** Reads the queue's row. */
export const QUEUE_ROW = piece(
  "the queue's row",
  { pieces: [LIFE], keys: ["ROW"] },
  `
local epoch, last_marker, next_due, moving, history =
  unpack(redis.call('HMGET', ROW, 'life', 'last', 'next', 'moving', 'history'))
if not epoch then
  local taken
  epoch, taken = epoch_in(ROW)
  moving = not taken and moving
end
`,
);

/** How scripts write down what happens to messages. */
export const TELL = tellPiece(QUEUE_ROW);

/** Ends the script unless the queue lives here with the caller's epoch. Also ends it while the queue is frozen. */
export const REQUIRE_LIVE = piece(
  "require a live queue",
  { pieces: [QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch"] },
  `
if not epoch then return {'missing'} end
if caller_epoch and caller_epoch ~= epoch then return {'stale'} end
if moving and redis.call('HEXISTS', ROW, 'frozen') == 1 then return {'moving'} end
`,
);

/** Removes all that a move has left in the row, and its notes. The caller decides whether the queue stays here. */
export const FORGET_MOVE = piece(
  "forget a move",
  { keys: ["ROW", "NOTES"] },
  `
local function forget_move()
  redis.call('HDEL', ROW, 'moving', 'frozen', 'low', 'tombstone')
  redis.call('UNLINK', NOTES)
end
`,
);

/**
 * `note(ids)` runs before every change or removal of messages, with at most a slice of ids. While the queue moves, it
 * records them for the mover. The end of a claim or a delay needs no note: a move carries the times of both. Markers
 * are formatted again, since the server may write a score with an exponent.
 */
export const NOTE = piece(
  "notes for the mover",
  { pieces: [CLOCK, QUEUE_ROW], keys: ["ORDER", "NOTES"] },
  `
local function note(ids)
  if not moving then return end
  local notes = {}
  for index, marker in ipairs(redis.call('ZMSCORE', ORDER, unpack(ids))) do
    if marker then notes[#notes + 1] = digits(tonumber(marker)) .. ' ' .. ids[index] end
  end
  if #notes > 0 then redis.call('SADD', NOTES, unpack(notes)) end
end
`,
);

/** Deletes the records of claims that have ended, at most a slice. */
export const END_CLAIMS = piece(
  "end claims",
  { keys: ["CLAIMS", "CLAIM_IDS", "CLAIM_ENDS"] },
  `
local function end_claims(ids)
  local fields = {}
  for _, id in ipairs(ids) do
    fields[#fields + 1] = id
    fields[#fields + 1] = id .. ' held'
  end
  redis.call('ZREM', CLAIM_ENDS, unpack(ids))
  redis.call('ZREM', CLAIM_IDS, unpack(ids))
  redis.call('HDEL', CLAIMS, unpack(fields))
end
`,
);

/**
 * Removes messages. `set` is the one of `ready`, `delayed` and `claimed` that holds them; left out, all three are
 * tried.
 */
export const REMOVE = piece(
  "remove messages",
  { pieces: [SLICES, NOTE], keys: ["ORDER", "READY", "DELAYED", "CLAIMED", "EXPIRY", "RECORDS", "BODIES"] },
  `
local function remove(ids, set)
  for some in slices(ids) do
    note(some)
    redis.call('ZREM', ORDER, unpack(some))
    redis.call('ZREM', EXPIRY, unpack(some))
    redis.call('HDEL', RECORDS, unpack(some))
    redis.call('HDEL', BODIES, unpack(some))
    if set then
      redis.call('ZREM', set, unpack(some))
    else
      redis.call('ZREM', READY, unpack(some))
      redis.call('ZREM', DELAYED, unpack(some))
      redis.call('ZREM', CLAIMED, unpack(some))
    end
  end
end
`,
);

/**
 * `expire_due` does at most a step of each: it ends claims that are due, makes messages ready whose claim or delay has
 * ended, and removes expired messages. A message expires with the claim that holds it or later, so a live claim never
 * loses one here. Returns how many messages and claims ended, and `done`: nothing due is left. Counts what lapsed and
 * what expired.
 *
 * `find_next_due` returns when something falls due next, and writes that into the row.
 */
export const EXPIRE_DUE = piece(
  "expire what is due",
  {
    pieces: [CLOCK, END_CLAIMS, REMOVE, TELL],
    keys: ["ROW", "ORDER", "READY", "CLAIM_ENDS", "CLAIMED", "DELAYED", "EXPIRY", "RECORDS"],
  },
  `
local function expire_due()
  local function count(kind, messages)
    if messages > 0 then redis.call('HINCRBY', ROW, kind, messages) end
  end
  local function due_in(key) return redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP}) end
  -- A hold may end before the delay of a message does. Where that is over there is nothing to write but this.
  local function still_delayed(ids)
    local delayed = {}
    for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(ids))) do
      local available = record and string.match(record, ' available=(%S+)')
      if available and tonumber(available) > now then
        delayed[ids[index]] = digits(math.min(tonumber(available), tonumber(string.match(record, ' expires=(%S+)'))))
      end
    end
    return delayed
  end
  local function make_ready(key)
    local ids = due_in(key)
    if #ids == 0 then return 0 end
    if history and key == CLAIMED then tell_lapsed(ids) end
    local delayed = key == CLAIMED and still_delayed(ids) or {}
    local ready = {}
    for index, marker in ipairs(redis.call('ZMSCORE', ORDER, unpack(ids))) do
      if marker and not delayed[ids[index]] then
        ready[#ready + 1] = marker
        ready[#ready + 1] = ids[index]
      end
    end
    redis.call('ZREM', key, unpack(ids))
    if #ready > 0 then redis.call('ZADD', READY, unpack(ready)) end
    for id, ends in pairs(delayed) do redis.call('ZADD', DELAYED, ends, id) end
    return #ids
  end
  local claims = due_in(CLAIM_ENDS)
  if #claims > 0 then end_claims(claims) end
  local lapsed = make_ready(CLAIMED)
  local readied = math.max(lapsed, make_ready(DELAYED))
  local messages = due_in(EXPIRY)
  if #messages > 0 and history then tell_ended(messages, 'expired') end
  if #messages > 0 then remove(messages) end
  count('lapsed', lapsed)
  count('expired', #messages)
  return {messages = #messages, lapsed = lapsed, claims = #claims, done = math.max(#claims, readied, #messages) < ${EXPIRE_STEP}}
end
local function find_next_due()
  local soonest = ${NEVER}
  for _, key in ipairs({CLAIM_ENDS, CLAIMED, DELAYED, EXPIRY}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then soonest = math.min(soonest, tonumber(first[2])) end
  end
  redis.call('HSET', ROW, 'next', digits(soonest))
  return soonest
end
`,
);

/**
 * Expires what is due. Ends the script with `more` while something due is left; the caller then runs it again.
 * Otherwise nothing falls due before `soonest`. The row tells when to look, so most calls expire nothing.
 */
const EXPIRE = piece(
  "require that nothing is due",
  { pieces: [QUEUE_ROW, EXPIRE_DUE] },
  `
local soonest = tonumber(next_due or 0)
if soonest <= now then
  if not expire_due().done then return {'more'} end
  soonest = find_next_due()
end
`,
);

/** The beginning of what clients call: the queue is live, and nothing is due. */
export const ENTER = piece("a client's call", { pieces: [REQUIRE_LIVE, EXPIRE] }, "");

/** Ends the script unless `attempt` is the newest attempt to move this queue away. */
const REQUIRE_ATTEMPT = piece(
  "require the newest attempt",
  { pieces: [QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch", "attempt"] },
  `
if (epoch or redis.call('HGET', ROW, 'tombstone')) ~= caller_epoch or moving ~= attempt then return {'stale'} end
`,
);

/** The beginning of what a mover calls at the source. */
export const ENTER_ATTEMPT = piece("a mover's call", { pieces: [REQUIRE_ATTEMPT, EXPIRE] }, "");

/**
 * The beginning of scripts that fill a staging. They get its keys in place of the queue's content. They make no notes,
 * even while the queue that lives here moves away.
 */
export const ENTER_STAGING = piece(
  "a staging",
  { pieces: [CLOCK, QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch"] },
  `
if redis.call('HGET', ROW, 'arriving') ~= caller_epoch then return {'stale'} end
moving = false
`,
);

/** `schedule(at)`: gc looks at this queue at `at` or earlier. */
export const SCHEDULE = piece(
  "schedule gc",
  { pieces: [CLOCK], keys: ["DUE", "ROW"] },
  `
local function schedule(at) redis.call('ZADD', DUE, 'LT', digits(at), ROW) end
`,
);

/**
 * `comes_due(at)`: something falls due at `at`. Updates the row and gc's list, unless something falls due earlier. So
 * most calls write nothing.
 */
export const COMES_DUE = piece(
  "schedule what falls due",
  { pieces: [EXPIRE], keys: ["ROW", "DUE"] },
  `
local function comes_due(at)
  if at >= soonest then return end
  soonest = at
  redis.call('HSET', ROW, 'next', digits(at))
  redis.call('ZADD', DUE, 'LT', digits(at), ROW)
end
`,
);

const contentNames = CONTENT_PARTS.map((part) => part.replaceAll("-", "_"));

/** The keys of the queue's content, as a table by part. */
export const CONTENT = piece(
  "the queue's content",
  { keys: contentNames.map((name) => name.toUpperCase()) },
  `
local content = {${contentNames.map((name) => `${name} = ${name.toUpperCase()}`).join(", ")}}
`,
);

/**
 * `put_away(away)` renames the keys of the queue's content, or of those parts that `away` has, to the keys in `away`.
 * The cost does not depend on how much they hold. Returns whether there was anything.
 */
export const PUT_AWAY = piece(
  "put content away",
  { pieces: [CONTENT] },
  `
local function put_away(away)
  local any = false
  for part, key in pairs(away) do
    if redis.call('EXISTS', content[part]) == 1 then
      redis.call('RENAME', content[part], key)
      any = true
    end
  end
  return any
end
`,
);

/**
 * Retires the queue's content, and forgets the lives of its messages: renames it to the keys in `retired_content`, where it stays until gc frees it.
 * `retired_name` is its name in gc's list.
 */
export const RETIRE = piece(
  "retire content",
  { pieces: [PUT_AWAY, SCHEDULE], keys: ["ROW", "RETIRED", "retired_content"], args: ["retired_name"] },
  `
local function retire()
  redis.call('UNLINK', ROW .. ${LIVES}, ROW .. ${LIFE_ENDS})
  redis.call('HDEL', ROW, ${LIFE_FIELDS})
  put_away(retired_content)
  redis.call('ZADD', RETIRED, NOW, 'queue:' .. retired_name)
  schedule(now)
end
`,
);
