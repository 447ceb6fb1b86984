import type { Claim } from "../../data-driver.ts";
import { ageSeconds, dateOf, RECORD, readFields, readWord } from "../messages/records.ts";
import { END_CLAIMS, NOTE } from "../queue-lua.ts";
import { piece } from "../server/script.ts";
import { CLOCK, SLICES } from "../server/shared-lua.ts";

/**
 * A claim's record is a text of fields like that of a message: created, renewed, ends, ttl, grace, held (how many
 * messages it holds), client and actor, in this order. Whatever follows is kept in `more`. Beside it, in a field of the
 * claim's id and ` held`, are the ids of the messages that it acquired, in order.
 *
 * Earlier versions wrote the values by position: client and actor together, behind the length of the client.
 */
export const CLAIM_RECORD = piece(
  "a claim's record",
  { pieces: [RECORD] },
  `
local function read_claim(text)
  local created, renewed, ends, ttl, grace, held, client, actor, more = string.match(
    text, '^created=(%S+) renewed=(%S+) ends=(%S+) ttl=(%S+) grace=(%S+) held=(%S+) client=(%S+) actor=(%S+)(.*)$')
  if not created then
    local length, both
    created, renewed, ends, ttl, grace, held, length, both =
      string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
    client, actor, more = word(string.sub(both, 1, length)), word(string.sub(both, length + 1)), ''
  end
  return {
    created = created, renewed = renewed, ends = ends, ttl = ttl, grace = grace, held = held, client = client,
    actor = actor, more = more
  }
end
local function write_claim(claim)
  return 'created=' .. claim.created .. ' renewed=' .. claim.renewed .. ' ends=' .. claim.ends .. ' ttl=' ..
    claim.ttl .. ' grace=' .. claim.grace .. ' held=' .. claim.held .. ' client=' .. claim.client .. ' actor=' ..
    claim.actor .. claim.more
end
local function describe_claim(id, text)
  if not text then return false end
  return {id, string.sub(text, 1, 8) == 'created=' and text or write_claim(read_claim(text))}
end
`,
);

/**
 * `hold(messages)` makes claims hold messages. A message is {id, record, request}, with the count and the part that it
 * gets in its record; a request has claim, ends, ttl and grace. A message that would expire before its claim now
 * expires a grace period after the claim's end. Adds the record's `text`.
 */
export const HOLD = piece(
  "hold messages",
  { pieces: [CLOCK, SLICES, NOTE, RECORD], keys: ["RECORDS", "CLAIMED", "EXPIRY"] },
  `
local function hold(messages)
  for some in slices(messages) do
    local claimed, expiry, records, ids = {}, {}, {}, {}
    for index, message in ipairs(some) do
      local id, record, request = message.id, message.record, message.request
      ids[index] = id
      if tonumber(record.expires) < request.ends then
        record.expires = digits(request.ends + request.grace * 1000000)
        record.ttl = digits(request.ttl + request.grace)
        expiry[#expiry + 1] = record.expires
        expiry[#expiry + 1] = id
      end
      record.claim, record.ends = request.claim, digits(request.ends)
      message.text = write_record(record)
      claimed[#claimed + 1] = record.ends
      claimed[#claimed + 1] = id
      records[#records + 1] = id
      records[#records + 1] = message.text
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
 * record, text} each.
 */
export const HELD_BY = piece(
  "messages held by a claim",
  { pieces: [SLICES, RECORD], keys: ["RECORDS"] },
  `
local function held_by(claim, taken)
  local ids, held = {}, {}
  for id in string.gmatch(taken or '', '%S+') do ids[#ids + 1] = id end
  for some in slices(ids) do
    for index, text in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
      local record = text and read_record(text)
      if record and record.claim == claim and record.part == 'd' then
        held[#held + 1] = {id = some[index], record = record, text = named(text)}
      end
    end
  end
  return held
end
`,
);

/**
 * Returns messages as a reply: those of `part` whose bodies were read. A message is {id, record, text, body}.
 */
export const DESCRIBE_HELD = piece(
  "held messages as a reply",
  {},
  `
local function describe_held(messages, part)
  local described = {}
  for _, message in ipairs(messages) do
    if message.record.part == part and message.body then
      described[#described + 1] = message.id
      described[#described + 1] = message.text
      described[#described + 1] = message.body
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
  { pieces: [CLOCK, SLICES, END_CLAIMS, CLAIM_RECORD], keys: ["CLAIMS"] },
  `
local function decrement_held(counts)
  local claims, ended, kept_on = {}, {}, {}
  for claim in pairs(counts) do claims[#claims + 1] = claim end
  for some in slices(claims) do
    for index, record in ipairs(redis.call('HMGET', CLAIMS, unpack(some))) do
      if record then
        local claim = some[index]
        record = read_claim(record)
        local left = record.held - counts[claim]
        if left <= 0 then
          ended[#ended + 1] = claim
        else
          record.held = digits(left)
          kept_on[#kept_on + 1] = claim
          kept_on[#kept_on + 1] = write_claim(record)
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
  local claim, _, part = claim_of(record)
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

/** The fields of a claim's record: see CLAIM_RECORD. */
export interface ClaimFields {
  created: string;
  renewed: string;
  ends: string;
  ttl: string;
  grace: string;
  held: string;
  client: string;
  actor: string;
}

/** A claim of a reply: its id and its record. */
export type ClaimParts = readonly [id: string, record: string];

export function readClaim([id, record]: ClaimParts, now: string): Claim {
  const { created, renewed, ends, ttl, grace, held, client, actor } = readFields<ClaimFields>(record);
  return {
    id,
    ttlSeconds: Number(ttl),
    graceSeconds: Number(grace),
    ageSeconds: ageSeconds(now, renewed),
    createdAt: dateOf(created),
    renewedAt: dateOf(renewed),
    expiresAt: dateOf(ends),
    clientId: readWord(client),
    actor: readWord(actor),
    messageCount: Number(held),
  };
}
