/**
 * The scripts that write a queue which is being moved here. They get the keys of its staging in place of the queue's
 * content.
 */
import { CLAIM_RECORD, COUNT_HELD, DECREMENT_HELD } from "../claims/records.ts";
import { KEPT_POP_BYTES, LIFE_OF_KEY, POP_LIFE } from "../kept-keys-lua.ts";
import { RECORD } from "../messages/records.ts";
import { CALL, ENTER_STAGING, QUEUE, REMOVE } from "../queue-lua.ts";
import { answers, piece, script } from "../server/script.ts";
import {
  list,
  number,
  numeral,
  optionalNumber,
  optionalText,
  optionalWord,
  records,
  text,
} from "../server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP, SLICES } from "../server/shared-lua.ts";

/** Durations are in microseconds. */
export const STATE_FIELDS = {
  marker: text,
  remaining: number,
  ttl: numeral,
  count: numeral,
  // The last claim on the message, or `-`.
  claim: text,
  claimRemaining: number,
  delay: optionalNumber,
  holder: optionalWord,
  // The fields of the record that come and go with claims: see RECORD.
  more: text,
};
const MESSAGE_FIELDS = { ...STATE_FIELDS, id: text, age: number, client: optionalWord, lasting: text, body: text };

/**
 * `put` writes messages, with their bodies if they have one. A held message counts as held back (part x) until its
 * claim is written, or written again: the claim says which messages it delivered.
 */
const PUT = piece(
  "put moved messages",
  {
    pieces: [CLOCK, SLICES, RECORD],
    keys: ["ORDER", "READY", "DELAYED", "CLAIMED", "EXPIRY", "RECORDS", "BODIES"],
  },
  `
local function date(message)
  message.expires = now + message.remaining
  message.claim_ends = message.claim == '-' and 0 or now + message.claim_remaining
  message.available = message.delay and now + message.delay or 0
end
local function put(messages)
  for some in slices(messages) do
    local ids, order, expiry, records, bodies = {}, {}, {}, {}, {}
    local sets = {{READY}, {DELAYED}, {CLAIMED}}
    for index, one in ipairs(some) do
      local set, score, part = sets[1], one.marker, '-'
      -- A claim that expired before it came here is counted when it is found to be due.
      if one.claim_ends > now or one.claim_remaining < 0 then
        set, score, part = sets[3], digits(one.claim_ends), 'x'
      elseif one.available > now then
        set, score = sets[2], digits(math.min(one.available, one.expires))
      end
      ids[index] = one.id
      set[#set + 1] = score
      set[#set + 1] = one.id
      order[#order + 1] = one.marker
      order[#order + 1] = one.id
      expiry[#expiry + 1] = digits(one.expires)
      expiry[#expiry + 1] = one.id
      records[#records + 1] = one.id
      records[#records + 1] = write_record({
        marker = one.marker, created = one.created, expires = digits(one.expires), ttl = one.ttl, client = one.client,
        count = one.count, claim = one.claim, ends = digits(one.claim_ends), part = part, holder = one.holder,
        more = (one.available > 0 and ' available=' .. digits(one.available) or '') .. one.more .. one.lasting
      })
      if one.body then
        bodies[#bodies + 1] = one.id
        bodies[#bodies + 1] = one.body
      end
    end
    for _, set in ipairs(sets) do
      redis.call('ZREM', set[1], unpack(ids))
      if #set > 1 then redis.call('ZADD', unpack(set)) end
    end
    redis.call('ZADD', ORDER, unpack(order))
    redis.call('ZADD', EXPIRY, unpack(expiry))
    redis.call('HSET', RECORDS, unpack(records))
    if #bodies > 0 then redis.call('HSET', BODIES, unpack(bodies)) end
  end
end
local function id_at(marker) return redis.call('ZRANGEBYSCORE', ORDER, marker, marker)[1] end
`,
);

/**
 * Writes moved messages and new states of messages that are here, and removes messages by their markers. If a message
 * is here under a lower marker, it left its queue and came back, so it gets the new marker. Answers by how many
 * messages the staging grew.
 */
export const WRITE = script("write moved messages", {
  effect: "grows",
  keys: QUEUE,
  args: { ...CALL, moved: records(MESSAGE_FIELDS), changed: records(STATE_FIELDS), removed: list(text) },
  uses: [ENTER_STAGING, COUNT_HELD, REMOVE, RECORD, DECREMENT_HELD, PUT],
  answers: answers<["ok", grown: number]>(),
  lua: `
local grown, fresh, still_here, doomed = 0, {}, {}, {}
for _, message in ipairs(moved) do
  local here = redis.call('ZSCORE', ORDER, message.id)
  if not here or tonumber(here) < tonumber(message.marker) then
    if here then
      count_all_held({message.id})
      remove({message.id})
    else
      grown = grown + 1
    end
    date(message)
    message.created = digits(now - message.age)
    fresh[#fresh + 1] = message
  end
end
put(fresh)
for _, message in ipairs(changed) do
  message.id = id_at(message.marker)
  if message.id then
    local text = redis.call('HGET', RECORDS, message.id)
    local record = read_record(text)
    count_held(text)
    date(message)
    message.created, message.client = record.created, record.client
    message.lasting = without(without(record.more, 'available'), 'last')
    still_here[#still_here + 1] = message
  end
end
put(still_here)
for _, marker in ipairs(removed) do
  local id = id_at(marker)
  if id then doomed[#doomed + 1] = id end
end
count_all_held(doomed)
remove(doomed)
decrement_held(held_by)
return {'ok', grown - #doomed}`,
});

/** Durations are in microseconds. `markers`: those of the messages that the claim holds, separated by spaces. */
export const CLAIM_FIELDS = {
  id: text,
  age: number,
  renewalAge: number,
  remaining: number,
  ttl: numeral,
  grace: numeral,
  client: optionalWord,
  actor: optionalWord,
  markers: text,
};

/** Writes claims that hold at least one message. */
export const WRITE_CLAIMS = script("write moved claims", {
  effect: "grows",
  keys: QUEUE,
  args: { ...CALL, moved: records(CLAIM_FIELDS) },
  uses: [ENTER_STAGING, CLOCK, RECORD, CLAIM_RECORD],
  answers: answers<["ok"]>(),
  lua: `
for _, claim in ipairs(moved) do
  local held = {}
  for asked in string.gmatch(claim.markers, '%S+') do
    local id = redis.call('ZRANGEBYSCORE', ORDER, asked, asked)[1]
    if id then
      local record = read_record(redis.call('HGET', RECORDS, id))
      if record.claim == claim.id and tonumber(record.ends) > now then
        record.part = 'd'
        redis.call('HSET', RECORDS, id, write_record(record))
        held[#held + 1] = id
      end
    end
  end
  if #held > 0 then
    local ends = digits(now + claim.remaining)
    local record = write_claim({
      created = digits(now - claim.age), renewed = digits(now - claim.renewal_age), ends = ends, ttl = claim.ttl,
      grace = claim.grace, held = #held, client = claim.client, actor = claim.actor, more = ''
    })
    redis.call('HSET', CLAIMS, claim.id, record, claim.id .. ' held', table.concat(held, ' '))
    redis.call('ZADD', CLAIM_ENDS, ends, claim.id)
    redis.call('ZADD', CLAIM_IDS, 0, claim.id)
  end
end
return {'ok'}`,
});

/** Writes idempotency keys. `age` is in microseconds. */
export const WRITE_KEYS = script("write moved idempotency keys", {
  effect: "grows",
  keys: QUEUE,
  args: { ...CALL, moved: records({ key: optionalText, request: text, result: text, age: number }) },
  uses: [ENTER_STAGING, CLOCK, LIFE_OF_KEY, KEPT_POP_BYTES],
  answers: answers<["ok"]>(),
  lua: `
for _, one in ipairs(moved) do
  local used = now - one.age
  redis.call('HSET', KEPT, one.key, digits(used) .. ' ' .. one.request .. ' ' .. one.result)
  redis.call('ZADD', KEPT_ENDS, digits(used + life_of_key(one.request)), one.key)
  if life_of_key(one.request) == ${POP_LIFE} then count_pop_bytes(used, #one.result) end
end
return {'ok'}`,
});

/**
 * Removes messages at or below the low-water mark: they were purged at the source. Claims in the staging may still hold
 * some of them.
 */
export const PURGE_STAGING = script("purge a staging", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, lowWater: text },
  uses: [ENTER_STAGING, COUNT_HELD, REMOVE, DECREMENT_HELD],
  answers: answers<["ok"]>(),
  lua: `
local purged = redis.call('ZRANGEBYSCORE', ORDER, '-inf', low_water, 'LIMIT', 0, ${EXPIRE_STEP})
count_all_held(purged)
remove(purged)
decrement_held(held_by)
return {#purged == ${EXPIRE_STEP} and 'more' or 'ok'}`,
});
