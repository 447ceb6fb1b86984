import type { Claim } from "../../data-driver.ts";
import { ageSeconds, dateOf, RECORD, readOptional } from "../messages/records.ts";
import { END_CLAIMS, NOTE } from "../queue-lua.ts";
import { piece } from "../server/script.ts";
import { CLOCK, SLICES } from "../server/shared-lua.ts";

/**
 * A claim's record: created, renewed, ends, ttl, grace, how many messages it holds, the length of its client's id, then
 * client and actor. Beside it, in a field of the claim's id and ` held`, are the ids of the messages that it acquired,
 * in order.
 */
export const CLAIM_RECORD = piece(
  "a claim's record",
  { pieces: [CLOCK] },
  `
local function describe_claim(id, record)
  if not record then return false end
  local created, renewed, ends, ttl, grace, held, length, rest = string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {id, created, renewed, ends, ttl, grace, held, string.sub(rest, 1, length), string.sub(rest, length + 1)}
end
local function claim_record(created, ends, ttl, grace, held, client, actor)
  return table.concat({created, NOW, digits(ends), ttl, grace, digits(held), #client, client .. actor}, ' ')
end
`,
);

/**
 * `hold(messages)` makes claims hold messages. A message is {id, record, count, part, request}; a request has claim,
 * ends, ttl and grace. A message that would expire before its claim now expires a grace period after the claim's end.
 * The new record replaces the old one in the list.
 */
export const HOLD = piece(
  "hold messages",
  { pieces: [CLOCK, SLICES, NOTE, RECORD], keys: ["RECORDS", "CLAIMED", "EXPIRY"] },
  `
local function hold(messages)
  for some in slices(messages) do
    local claimed, expiry, records, ids = {}, {}, {}, {}
    for index, message in ipairs(some) do
      local id, record, count, part, request = unpack(message)
      ids[index] = id
      local marker, created, expires, lifetime, available, _, _, _, _, client = read_record(record)
      if tonumber(expires) < request.ends then
        expires = digits(request.ends + request.grace * 1000000)
        lifetime = digits(request.ttl + request.grace)
        expiry[#expiry + 1] = expires
        expiry[#expiry + 1] = id
      end
      local ends = digits(request.ends)
      message[2] = table.concat({marker, created, expires, lifetime, available, count, request.claim, ends, part, client}, ' ')
      claimed[#claimed + 1] = ends
      claimed[#claimed + 1] = id
      records[#records + 1] = id
      records[#records + 1] = message[2]
    end
    note(ids)
    redis.call('HSET', RECORDS, unpack(records))
    redis.call('ZADD', CLAIMED, unpack(claimed))
    if #expiry > 0 then redis.call('ZADD', EXPIRY, unpack(expiry)) end
  end
end
`,
);

/**
 * `held_by(claim, taken)` returns those messages of the ids in `taken` that the claim delivered and still holds: {id,
 * record, count, part} each.
 */
export const HELD_BY = piece(
  "messages held by a claim",
  { pieces: [SLICES, RECORD], keys: ["RECORDS"] },
  `
local function held_by(claim, taken)
  local ids, held = {}, {}
  for id in string.gmatch(taken or '', '%S+') do ids[#ids + 1] = id end
  for some in slices(ids) do
    for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      if record then
        local _, _, _, _, _, count, holder, _, part = read_record(record)
        if holder == claim and part == 'd' then held[#held + 1] = {some[index], record, count, part} end
      end
    end
  end
  return held
end
`,
);

/**
 * Returns messages as a reply: those of `part` whose bodies were read. A message is {id, record, count, part, request,
 * body}.
 */
export const DESCRIBE_HELD = piece(
  "held messages as a reply",
  {},
  `
local function describe_held(messages, part)
  local described = {}
  for _, message in ipairs(messages) do
    if message[4] == part and message[6] then
      described[#described + 1] = message[1]
      described[#described + 1] = message[2]
      described[#described + 1] = message[6]
    end
  end
  return described
end
`,
);

/**
 * `decrement_held(counts)` lowers the number of messages that claims hold, by claim. A claim ends with its last
 * message.
 */
export const DECREMENT_HELD = piece(
  "decrement held messages",
  { pieces: [CLOCK, SLICES, END_CLAIMS], keys: ["CLAIMS"] },
  `
local function decrement_held(counts)
  local claims, ended, kept_on = {}, {}, {}
  for claim in pairs(counts) do claims[#claims + 1] = claim end
  for some in slices(claims) do
    for index, record in ipairs(redis.call('HMGET', CLAIMS, unpack(some))) do
      if record then
        local claim = some[index]
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
`,
);

/**
 * Counts, by claim, the delivered messages that are about to change or to be removed. `decrement_held` takes the
 * counts.
 */
export const COUNT_HELD = piece(
  "count held messages",
  { pieces: [SLICES, RECORD], keys: ["RECORDS"] },
  `
local held_by = {}
local function count_held(record)
  local _, _, _, _, _, _, claim, _, part = read_record(record)
  if part == 'd' then held_by[claim] = (held_by[claim] or 0) + 1 end
end
local function count_all_held(ids)
  for some in slices(ids) do
    for _, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      if record then count_held(record) end
    end
  end
end
`,
);

export function readClaim(parts: readonly string[], now: string): Claim {
  const [id, created, renewed, ends, ttl, grace, held, client, actor] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    id,
    ttlSeconds: Number(ttl),
    graceSeconds: Number(grace),
    ageSeconds: ageSeconds(now, renewed),
    createdAt: dateOf(created),
    renewedAt: dateOf(renewed),
    expiresAt: dateOf(ends),
    clientId: readOptional(client),
    actor: readOptional(actor),
    messageCount: Number(held),
  };
}
