/**
 * The pieces that the scripts of a queue share.
 *
 * Times and markers are microseconds since 1970, which a double holds exactly until the year 2255. A marker is the time
 * of its post, or one more than the last marker where that is higher. So it is never reused, not even when a queue's
 * row is gone or a replica took over without the last writes. Hazard: a queue from a PostgreSQL pool that failed over
 * twice within days brings markers that are ahead of the time; until the time has caught up, the markers of lost writes
 * are given again. Message ids are random here.
 *
 * A message is in `order` by its marker, in `expiry` by its end, and in one of `ready` (a claim may take it) by its
 * marker, `delayed` by the end of its delay, or `claimed` by the end of its claim.
 *
 * A command costs a script more than what it does, so commands are few and take many messages each.
 *
 * A queue's row is a hash:
 *
 * | field | meaning |
 * |---|---|
 * | epoch | the queue's epoch; absent when the queue does not live here |
 * | last | the highest marker so far |
 * | next | when something falls due, or sooner |
 * | exhausted | how far exhausted messages reach from the front: see messages/exhausted.ts |
 * | moving | the attempt to move the queue away, whose notes are taken |
 * | frozen | nothing of the queue may change while it moves |
 * | low | the marker at or below which everything was purged since the move began |
 * | keys-read | the time of the last page of idempotency keys that the move has read |
 * | tombstone | the epoch of a queue that does not live here, and of which only the subscriptions move |
 * | fence | the last attempt that was begun or given up |
 * | left | the epoch that moved away last |
 * | arriving | the epoch that is on its way here |
 */
import { CONTENT_PARTS, QUEUE_PARTS } from "./keys.ts";
import { locals, piece } from "./server/script.ts";
import { number, optionalNumeral } from "./server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP, NEVER, SLICES } from "./server/shared-lua.ts";

/** The keys of a script of one queue. */
export const QUEUE = { queue: locals(QUEUE_PARTS) };

/** The arguments of every call: the epoch that the caller means, or none, and the clock's offset in microseconds. */
export const CALL = { callerEpoch: optionalNumeral, offset: number };

/** The queue's row. */
export const QUEUE_ROW = piece(
  "the queue's row",
  { keys: ["ROW"] },
  `
local epoch, last_marker, next_due, moving = unpack(redis.call('HMGET', ROW, 'epoch', 'last', 'next', 'moving'))
`,
);

/** Ends the script unless the queue lives here with the caller's epoch, and while it is frozen. */
export const REQUIRE_LIVE = piece(
  "a live queue",
  { pieces: [QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch"] },
  `
if not epoch then return {'missing'} end
if caller_epoch and caller_epoch ~= epoch then return {'stale'} end
if moving and redis.call('HEXISTS', ROW, 'frozen') == 1 then return {'moving'} end
`,
);

/** Ends a move: the queue goes on living here, or ends too. */
export const FORGET_MOVE = piece(
  "the end of a move",
  { keys: ["ROW", "NOTES"] },
  `
local function forget_move()
  redis.call('HDEL', ROW, 'moving', 'frozen', 'low', 'keys-read', 'tombstone')
  redis.call('UNLINK', NOTES)
end
`,
);

/**
 * `note` comes before every change or removal of messages, at most a slice of them: it tells the mover of a queue that
 * moves. The end of a claim or of a delay changes nothing that a move carries. Markers are written anew: the server's
 * text of a score may have an exponent.
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

/** Ends at most a slice of claims, whose messages are no longer theirs. */
export const END_CLAIMS = piece(
  "the end of claims",
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

/** Removes messages, which are in the set given, or in any of the three. */
export const REMOVE = piece(
  "the removal of messages",
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
 * Ends claims that are due, makes messages ready whose claim or delay has ended, and removes expired messages, each at
 * most a step. A message expires with or after the claim that holds it, so a live claim never loses one here. The
 * result says how many messages and claims ended, and whether nothing that is due is left.
 */
export const EXPIRE_DUE = piece(
  "what falls due",
  {
    pieces: [CLOCK, END_CLAIMS, REMOVE],
    keys: ["ROW", "ORDER", "READY", "CLAIM_ENDS", "CLAIMED", "DELAYED", "EXPIRY"],
  },
  `
local function expire_due()
  local function due_in(key) return redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP}) end
  local function make_ready(key)
    local ids = due_in(key)
    if #ids == 0 then return 0 end
    local ready = {}
    for index, marker in ipairs(redis.call('ZMSCORE', ORDER, unpack(ids))) do
      if marker then
        ready[#ready + 1] = marker
        ready[#ready + 1] = ids[index]
      end
    end
    redis.call('ZREM', key, unpack(ids))
    if #ready > 0 then redis.call('ZADD', READY, unpack(ready)) end
    return #ids
  end
  local claims = due_in(CLAIM_ENDS)
  if #claims > 0 then end_claims(claims) end
  local readied = math.max(make_ready(CLAIMED), make_ready(DELAYED))
  local messages = due_in(EXPIRY)
  if #messages > 0 then remove(messages) end
  return {messages = #messages, claims = #claims, done = math.max(#claims, readied, #messages) < ${EXPIRE_STEP}}
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
 * Expires what is due, and ends the script with `more` when something is left. The row says when to look: nothing
 * falls due before `soonest`.
 */
const EXPIRE = piece(
  "nothing is due",
  { pieces: [QUEUE_ROW, EXPIRE_DUE] },
  `
local soonest = tonumber(next_due or 0)
if soonest <= now then
  if not expire_due().done then return {'more'} end
  soonest = find_next_due()
end
`,
);

/** For what clients call: a live queue, of which nothing is due. */
export const ENTER = piece("a client's call", { pieces: [REQUIRE_LIVE, EXPIRE] }, "");

/** Ends the script unless `attempt` is the newest one that moves this queue away. */
const REQUIRE_ATTEMPT = piece(
  "the newest attempt",
  { pieces: [QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch", "attempt"] },
  `
if (epoch or redis.call('HGET', ROW, 'tombstone')) ~= caller_epoch or moving ~= attempt then return {'stale'} end
`,
);

/** For the mover of a queue, at its source. */
export const ENTER_ATTEMPT = piece("a mover's call", { pieces: [REQUIRE_ATTEMPT, EXPIRE] }, "");

/**
 * For what fills a staging, whose keys stand where the queue's content is expected. It makes no notes, even while the
 * queue that lives here moves away.
 */
export const ENTER_STAGING = piece(
  "a staging",
  { pieces: [CLOCK, QUEUE_ROW], keys: ["ROW"], args: ["caller_epoch"] },
  `
if redis.call('HGET', ROW, 'arriving') ~= caller_epoch then return {'stale'} end
moving = false
`,
);

/** gc looks at this queue at `at`, or sooner. */
export const SCHEDULE = piece(
  "a visit of gc",
  { pieces: [CLOCK], keys: ["DUE", "ROW"] },
  `
local function schedule(at) redis.call('ZADD', DUE, 'LT', digits(at), ROW) end
`,
);

/** Something falls due at `at`. gc looks at a queue when anything does, so most of the time neither has to be told. */
export const COMES_DUE = piece(
  "what will fall due",
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

/** How long an idempotency key counts, in microseconds. */
export const DAY = "86400000000";

/** Idempotency keys, with their sign in front. `kept` gives the request and the result of one used within a day. */
export const KEPT_KEYS = piece(
  "idempotency keys",
  { pieces: [CLOCK, SCHEDULE], keys: ["KEPT", "KEPT_ENDS"] },
  `
local function kept(key)
  local at, request, result = string.match(redis.call('HGET', KEPT, key) or '', '^(%S+) (%S+) (.*)$')
  if at and at + ${DAY} > now then return request, result end
end
local function keep(key, request, result)
  redis.call('HSET', KEPT, key, NOW .. ' ' .. request .. ' ' .. result)
  redis.call('ZADD', KEPT_ENDS, digits(now + ${DAY}), key)
  schedule(now + ${DAY})
end
`,
);

const contentNames = CONTENT_PARTS.map((part) => part.replaceAll("-", "_"));

/** The keys of the queue's content by their parts, as in a table of keys. */
export const CONTENT = piece(
  "the queue's content",
  { keys: contentNames.map((name) => name.toUpperCase()) },
  `
local content = {${contentNames.map((name) => `${name} = ${name.toUpperCase()}`).join(", ")}}
`,
);

/**
 * Moves the queue's content, or those parts of it that `away` has, to the keys in `away`. To rename costs the same,
 * whatever they hold. Gives whether there was anything.
 */
export const PUT_AWAY = piece(
  "what is put away",
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

/** Retires the queue's content under `name`, whose keys are `retired_content`: it stays there until gc frees it. */
export const RETIRE = piece(
  "the end of a content",
  { pieces: [PUT_AWAY, SCHEDULE], keys: ["RETIRED", "retired_content"], args: ["retired_name"] },
  `
local function retire()
  put_away(retired_content)
  redis.call('ZADD', RETIRED, NOW, 'queue:' .. retired_name)
  schedule(now)
end
`,
);
