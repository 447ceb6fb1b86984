import type { Claim } from "../../data-driver.ts";
import { ageSeconds, dateOf, readOptional } from "../messages/records.ts";

/**
 * A claim's record: created, renewed, ends, ttl, grace, how many it holds, the length of its client's id, then client and actor. Beside it, under
 * the claim's id and ` held`, the ids of what it took, in order.
 */
export const CLAIM_RECORD = `
local function describe_claim(id, record)
  if not record then return false end
  local created, renewed, ends, ttl, grace, held, length, rest = string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {id, created, renewed, ends, ttl, grace, held, string.sub(rest, 1, length), string.sub(rest, length + 1)}
end
local function claim_record(created, ends, ttl, grace, held, client, actor)
  return table.concat({created, NOW, digits(ends), ttl, grace, digits(held), #client, client .. actor}, ' ')
end
`;

/**
 * Holds messages for claims: {id, record, count, part, request} each, where a request has its claim, its end, its ttl and its grace. A message that would
 * expire before the claim lives until its end and the grace. Its new record takes the place of the old one.
 */
export const HOLD = `
local function hold(messages)
  for some in slices(messages) do
    local claimed, expiry, records, ids = {}, {}, {}, {}
    for place, message in ipairs(some) do
      local id, record, count, part, request = unpack(message)
      ids[place] = id
      local marker, created, expires, life, available, _, _, _, _, client = read_record(record)
      if tonumber(expires) < request.ends then
        expires = digits(request.ends + request.grace * 1000000)
        life = digits(request.ttl + request.grace)
        expiry[#expiry + 1] = expires
        expiry[#expiry + 1] = id
      end
      local ends = digits(request.ends)
      message[2] = table.concat({marker, created, expires, life, available, count, request.claim, ends, part, client}, ' ')
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
`;

/** What a claim delivered and still holds, of the ids that it took. */
export const HELD_BY = `
local function held_by(claim, taken)
  local ids, held = {}, {}
  for id in string.gmatch(taken or '', '%S+') do ids[#ids + 1] = id end
  for some in slices(ids) do
    for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      if record then
        local _, _, _, _, _, count, holder, _, part = read_record(record)
        if holder == claim and part == 'd' then held[#held + 1] = {some[place], record, count, part} end
      end
    end
  end
  return held
end
`;

/** Messages whose records are known, as a reply: those of this part whose bodies were read. */
export const DESCRIBE_HELD = `
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
`;

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
