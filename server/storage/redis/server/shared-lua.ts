/**
 * The pieces that the scripts of a queue have in common.
 *
 * KEYS: 1 row (epoch, last marker, when something falls due next), 2 order, 3 ready, 4 delayed, 5 claimed, 6 expiry, 7
 * records, 8 bodies, 9 claims, 10 claim-ids, 11 claim-ends, 12 kept, 13 kept-ends, 14 ended, 15 notes, 16 the shard's
 * list of what gc has to look at. ARGV: 1 the caller's epoch or nothing, 2 the clock's offset in microseconds; what a
 * script takes begins at 3.
 *
 * Times and markers are microseconds since 1970, which a double holds exactly until the year 2255. A marker is the time
 * of its post, or one more than the last where that is higher: so it is never reused, not even when a queue's row is
 * gone or a replica took over without the last writes. Hazard: a queue from a PostgreSQL pool that failed over twice
 * within days brings markers that are ahead of the time; until that has caught up, those of lost writes are given
 * again. Ids are random here.
 *
 * A message is in `order` by its marker, in `expiry` by its end, and in one of `ready` (may be claimed) by its marker,
 * `delayed` by when that is over, or `claimed` by when its claim is.
 *
 * A command costs a script more than what it does, so they are few and take many messages each.
 */

/** The clock, and whole numbers as texts: Lua's own spelling loses digits. No time is later than JavaScript's last. */
export const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[2]
local function digits(number) return string.format('%d', number < 8.64e18 and number or 8.64e18) end
local NOW = digits(now)
`;

const NAMES = `
local ROW, ORDER, READY, DELAYED, CLAIMED, EXPIRY, RECORDS, BODIES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local CLAIMS, CLAIM_IDS, CLAIM_ENDS, KEPT, KEPT_ENDS, ENDED, NOTES, DUE = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local row = redis.call('HMGET', ROW, 'epoch', 'last', 'next', 'moving')
local epoch = row[1]
`;

/** How many keys a queue has, its row among them. */
export const QUEUE_KEYS = 16;

/** So many things settled at a time: a few milliseconds of the server's. It also bounds what one command takes. Even, since some lists are of pairs. */
export const EXPIRE_STEP = 500;

/**
 * Messages that one run looks at, at most, when its filters drop them: they must not hold up the server. The caller
 * goes on where it stopped.
 */
export const LOOK_AT = 2000;

/** Later than everything: nothing falls due. */
export const NEVER = String(Number.MAX_SAFE_INTEGER);

/**
 * Ends the script while nothing of the queue may change. A queue that moves to another store has in its row: `moving`, the attempt whose notes are
 * taken; `frozen`; `low`, at or below which all is purged since then; `keys-read`, where its reader of idempotency keys is; and `tombstone`, its epoch
 * when it does not live here and only its subscriptions move. `fence` is the last attempt that was begun or given up; `left`, the epoch of the
 * last life that moved away; `arriving`, of one that is on its way here. `exhausted`: see EXHAUSTED_FRONT.
 */
export const UNLESS_FROZEN = `
if row[4] and redis.call('HEXISTS', ROW, 'frozen') == 1 then return {'moving'} end
`;

/** The move is over, and the queue's life here goes on or is over too. */
export const FORGET_MOVE = `
local function forget_move()
  redis.call('HDEL', ROW, 'moving', 'frozen', 'low', 'keys-read', 'tombstone')
  redis.call('UNLINK', NOTES)
end
`;

/**
 * `note` comes before whatever changes or removes messages, at most a slice of them: while the queue moves, its mover hears of them. What
 * lapses or falls due changes nothing that is carried. Numbers are spelled anew: the server's spelling of a score may have an exponent.
 */
const ENDS = `
local function note(ids)
  if not row[4] then return end
  local notes = {}
  for place, marker in ipairs(redis.call('ZMSCORE', ORDER, unpack(ids))) do
    if marker then notes[#notes + 1] = digits(tonumber(marker)) .. ' ' .. ids[place] end
  end
  if #notes > 0 then redis.call('SADD', NOTES, unpack(notes)) end
end

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

local function slices(list)
  local first = 1 - ${EXPIRE_STEP}
  return function()
    first = first + ${EXPIRE_STEP}
    if first <= #list then return {unpack(list, first, math.min(first + ${EXPIRE_STEP - 1}, #list))}, first end
  end
end

-- They are in the set given, or in any of the three.
local function remove(ids, where)
  for some in slices(ids) do
    note(some)
    redis.call('ZREM', ORDER, unpack(some))
    redis.call('ZREM', EXPIRY, unpack(some))
    redis.call('HDEL', RECORDS, unpack(some))
    redis.call('HDEL', BODIES, unpack(some))
    if where then
      redis.call('ZREM', where, unpack(some))
    else
      redis.call('ZREM', READY, unpack(some))
      redis.call('ZREM', DELAYED, unpack(some))
      redis.call('ZREM', CLAIMED, unpack(some))
    end
  end
end
`;

/**
 * What fell due: claims end, messages of lapsed claims and those whose delay is over become ready, expired ones go. A message expires with or
 * after the claim that holds it, so a live claim never loses one here. `settled` is false when something is left.
 */
const EXPIRE_DUE = `
local expired, ended_claims, settled = {}, {}, true
local function expireDue()
  local function fell_due(key) return redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP}) end
  local function make_ready(key)
    local ids = fell_due(key)
    if #ids == 0 then return 0 end
    local ready = {}
    for place, marker in ipairs(redis.call('ZMSCORE', ORDER, unpack(ids))) do
      if marker then
        ready[#ready + 1] = marker
        ready[#ready + 1] = ids[place]
      end
    end
    redis.call('ZREM', key, unpack(ids))
    if #ready > 0 then redis.call('ZADD', READY, unpack(ready)) end
    return #ids
  end
  ended_claims = fell_due(CLAIM_ENDS)
  if #ended_claims > 0 then end_claims(ended_claims) end
  local moved = math.max(make_ready(CLAIMED), make_ready(DELAYED))
  expired = fell_due(EXPIRY)
  if #expired > 0 then remove(expired) end
  settled = math.max(#ended_claims, moved, #expired) < ${EXPIRE_STEP}
end
local function next_due()
  local soonest = ${NEVER}
  for _, key in ipairs({CLAIM_ENDS, CLAIMED, DELAYED, EXPIRY}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then soonest = math.min(soonest, tonumber(first[2])) end
  end
  redis.call('HSET', ROW, 'next', digits(soonest))
  return soonest
end
`;

/** The row says when to look: nothing falls due before `soonest`. */
const SETTLED = `
local soonest = tonumber(row[3] or 0)
if soonest <= now then
  ${EXPIRE_DUE}
  expireDue()
  if not settled then return {'more'} end
  soonest = next_due()
end
`;

/**
 * Ends the script unless the queue lives with the caller's epoch and everything that fell due is settled, and while it is frozen.
 */
export const ENTER = `${CLOCK}${NAMES}
if not epoch then return {'missing'} end
if ARGV[1] ~= '' and ARGV[1] ~= epoch then return {'stale'} end
${UNLESS_FROZEN}${ENDS}${SETTLED}`;

/** For the mover of a queue, ARGV[3], and nobody who was taken over by a later one. */
export const ENTER_ATTEMPT = `${CLOCK}${NAMES}
if (epoch or redis.call('HGET', ROW, 'tombstone')) ~= ARGV[1] or row[4] ~= ARGV[3] then return {'stale'} end
${ENDS}${SETTLED}`;

/** For what fills a room: its parts stand in the place of the queue's. Nobody hears of its changes, even if it is filled from beside. */
export const ENTER_ROOM = `${CLOCK}${NAMES}
if redis.call('HGET', ROW, 'arriving') ~= ARGV[1] then return {'stale'} end
row[4] = false
${ENDS}`;

/** For gc, which also looks at queues that have ended. */
export const ENTER_ANY = `${CLOCK}${NAMES}${ENDS}${EXPIRE_DUE}
expireDue()
`;

/** For what ends a life, which nothing need be settled for. */
export const ENTER_LIFE = `${CLOCK}${NAMES}`;

/** gc looks at this queue at `at`, or sooner. */
export const SCHEDULE = `
local function schedule(at) redis.call('ZADD', DUE, 'LT', digits(at), ROW) end
`;

/** Something falls due at `at`. gc looks at a queue when anything does, so most of the time neither has to hear of it. */
export const COMES_DUE = `
local function comes_due(at)
  if at >= soonest then return end
  soonest = at
  redis.call('HSET', ROW, 'next', digits(at))
  redis.call('ZADD', DUE, 'LT', digits(at), ROW)
end
`;

/**
 * A message's record: marker, created, expires, ttl, available (0: at once), count, claim, claim ends, part in it (d: delivered, x: held back,
 * -: none), client. The claim of a lapsed one stays in it.
 */
export const RECORD = `
local function read_record(record)
  return string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
end
`;

/**
 * Puts messages at the end of a queue, whose keys begin after `base`: {id, expires, ttl, available, client, body} each. `last` and `next` are what
 * its row says.
 */
export const APPEND = `
local function append(base, messages, last, next)
  local row = KEYS[base + 1]
  local marker = math.max((tonumber(last or 0)) + 1, now)
  next = tonumber(next or 0)
  local first_due = next
  for first = 1, #messages, ${EXPIRE_STEP} do
    local order, ready, delayed, expiry, records, bodies = {}, {}, {}, {}, {}, {}
    for place = first, math.min(first + ${EXPIRE_STEP - 1}, #messages) do
      local id, expires, ttl, available, client, body = unpack(messages[place])
      local at, ends = digits(marker), digits(expires)
      order[#order + 1] = at
      order[#order + 1] = id
      expiry[#expiry + 1] = ends
      expiry[#expiry + 1] = id
      records[#records + 1] = id
      records[#records + 1] = table.concat({at, NOW, ends, ttl, digits(available), '0 - 0 -', client}, ' ')
      bodies[#bodies + 1] = id
      bodies[#bodies + 1] = body
      first_due = math.min(first_due, expires)
      if available > now then
        -- One that expires before it is due is delayed for all its life.
        local over = math.min(available, expires)
        delayed[#delayed + 1] = digits(over)
        delayed[#delayed + 1] = id
        first_due = math.min(first_due, over)
      else
        ready[#ready + 1] = at
        ready[#ready + 1] = id
      end
      marker = marker + 1
    end
    redis.call('ZADD', KEYS[base + 2], unpack(order))
    if #ready > 0 then redis.call('ZADD', KEYS[base + 3], unpack(ready)) end
    if #delayed > 0 then redis.call('ZADD', KEYS[base + 4], unpack(delayed)) end
    redis.call('ZADD', KEYS[base + 6], unpack(expiry))
    redis.call('HSET', KEYS[base + 7], unpack(records))
    redis.call('HSET', KEYS[base + 8], unpack(bodies))
  end
  if first_due < next then
    redis.call('HSET', row, 'last', digits(marker - 1), 'next', digits(first_due))
    redis.call('ZADD', KEYS[base + ${QUEUE_KEYS}], 'LT', digits(first_due), row)
  else
    redis.call('HSET', row, 'last', digits(marker - 1))
  end
end
`;

/**
 * Every message of the queue at or below the marker that `exhausted_front` gives was claimed `from` times or more, a
 * number's text. So a look for ready ones begins `behind_front`, or where it stopped before. Once true it stays true:
 * counts only grow, and markers too. The row keeps it for this life of the queue, and each call looks a little further.
 * Price: a message that was claimed less often, and that a claim holds for long or a delay keeps back, ends it there.
 */
export const EXHAUSTED_FRONT = `
local function exhausted_front(from)
  local of, life, front = string.match(redis.call('HGET', ROW, 'exhausted') or '', '^(%S+) (%S+) (%S+)$')
  if of ~= from or life ~= epoch then front = '0' end
  local began, looked, step = front, 0, 1
  repeat
    local page, ended = redis.call('ZRANGEBYSCORE', ORDER, '(' .. front, '+inf', 'LIMIT', 0, step), false
    for _, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
      ended = tonumber(count) < tonumber(from)
      if ended then break end
      front = marker
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
`;

/**
 * Bodies are read so many at a time, until their bytes are enough. What is read beyond that is never answered, but
 * takes the server's memory meanwhile, so it is as few as do not slow down a script.
 */
export const BODY_STEP = 16;

/**
 * Messages as a reply: id, record and body of each, up to the one that would pass \`most\` bytes, and how many of the
 * ids that is. Those that are gone are left out.
 */
export const DESCRIBE = `
local function describe(ids, most)
  local described, bytes = {}, 0
  for first = 1, #ids, ${BODY_STEP} do
    local some = {unpack(ids, first, math.min(first + ${BODY_STEP - 1}, #ids))}
    local records = redis.call('HMGET', RECORDS, unpack(some))
    local bodies = redis.call('HMGET', BODIES, unpack(some))
    for place, id in ipairs(some) do
      if records[place] then
        bytes = bytes + #bodies[place]
        if bytes > most and #described > 0 then return described, first + place - 2 end
        described[#described + 1] = id
        described[#described + 1] = records[place]
        described[#described + 1] = bodies[place]
      end
    end
  end
  return described, #ids
end
`;

/** Claims hold so many fewer. One ends with its last message. */
export const DECREMENT_HELD = `
local function let_go(counts)
  local claims, ended, kept_on = {}, {}, {}
  for claim in pairs(counts) do claims[#claims + 1] = claim end
  for some in slices(claims) do
    for place, record in ipairs(redis.call('HMGET', CLAIMS, unpack(some))) do
      if record then
        local claim = some[place]
        local times, held, rest = string.match(record, '^(%S+ %S+ %S+ %S+ %S+) (%S+) (.*)$')
        local left = held - counts[claim]
        if left <= 0 then
          ended[#ended + 1] = claim
        else
          kept_on[#kept_on + 1] = claim
          kept_on[#kept_on + 1] = times .. ' ' .. digits(left) .. ' ' .. rest
        end
      end
    end
  end
  for some in slices(ended) do end_claims(some) end
  for some in slices(kept_on) do redis.call('HSET', CLAIMS, unpack(some)) end
end
`;

/** An idempotency key, with a sign in front to tell it from none: its request and result when it was used within a day. */
export const KEPT_KEYS = `
local function kept(key)
  local at, request, result = string.match(redis.call('HGET', KEPT, key) or '', '^(%S+) (%S+) (.*)$')
  if at and at + 86400000000 > now then return request, result end
end
local function keep(key, request, result)
  redis.call('HSET', KEPT, key, NOW .. ' ' .. request .. ' ' .. result)
  redis.call('ZADD', KEPT_ENDS, digits(now + 86400000000), key)
  schedule(now + 86400000000)
end
`;

/** Puts the first `count` parts of the queue's life away under the names that follow the queue's keys. True when there was anything. */
export const PUT_AWAY = `
local function put_away(count)
  local any = false
  for place = 1, count do
    if redis.call('EXISTS', KEYS[1 + place]) == 1 then
      redis.call('RENAME', KEYS[1 + place], KEYS[${QUEUE_KEYS} + place])
      any = true
    end
  end
  return any
end
`;
