import type { Message } from "../../data-driver.ts";
import { piece } from "../server/script.ts";

/**
 * A message's record: marker, created, expires, ttl, available (0: at once), count, claim, end of the claim, the
 * message's part in it (d: delivered, x: held back, -: none), client. A claim that has ended stays in it.
 */
export const RECORD = piece(
  "a message's record",
  {},
  `
local function read_record(record)
  return string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
end
`,
);

/**
 * Bodies are read so many at a time, until their bytes are enough. What is read beyond that is never answered, but
 * takes the server's memory meanwhile. So this is as small as it can be without slowing down scripts.
 */
export const BODY_STEP = 16;

/**
 * Messages as a reply: id, record and body of each, up to the one that would pass `most` bytes, and how many of the ids
 * that is. Ids without a message are left out.
 */
export const DESCRIBE = piece(
  "messages as a reply",
  { keys: ["RECORDS", "BODIES"] },
  `
local function describe(ids, most)
  local described, bytes = {}, 0
  for first = 1, #ids, ${BODY_STEP} do
    local some = {unpack(ids, first, math.min(first + ${BODY_STEP - 1}, #ids))}
    local records = redis.call('HMGET', RECORDS, unpack(some))
    local bodies = redis.call('HMGET', BODIES, unpack(some))
    for index, id in ipairs(some) do
      if records[index] then
        bytes = bytes + #bodies[index]
        if bytes > most and #described > 0 then return described, first + index - 2 end
        described[#described + 1] = id
        described[#described + 1] = records[index]
        described[#described + 1] = bodies[index]
      end
    end
  end
  return described, #ids
end
`,
);

/** The text that `optionalText` sent. */
export const readOptional = (text: string) => (text.startsWith("+") ? text.slice(1) : null);

/** A moment that scripts gave, in microseconds. */
export const dateOf = (microseconds: string | number) => new Date(Number(microseconds) / 1000);
export const ageSeconds = (now: string, since: string) =>
  Math.max(0, Math.floor((Number(now) - Number(since)) / 1_000_000));

/** Reads the messages of a reply: id, record and body of each. `now` is the script's. */
export function readMessages(parts: readonly string[], now: string): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    messages.push(readMessage(parts[at] as string, parts[at + 1] as string, parts[at + 2] as string, now));
  }
  return messages;
}

const FIELDS = 9;

function readMessage(id: string, record: string, bodyText: string, now: string): Message {
  const [marker, created, expires, ttl, available, count, claim, reaper] = record.split(" ", FIELDS) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  let client = 0;
  for (let field = 0; field < FIELDS; field += 1) client = record.indexOf(" ", client) + 1;
  const claimId = claim === "-" ? null : claim;
  return {
    id,
    marker,
    bodyText,
    ttlSeconds: Number(ttl),
    ageSeconds: ageSeconds(now, created),
    createdAt: dateOf(created),
    expiresAt: dateOf(expires),
    delayedUntil: Number(available) > Number(now) ? dateOf(available) : null,
    clientId: readOptional(record.slice(client)),
    claimCount: Number(count),
    claim: claimId !== null && Number(reaper) > Number(now) ? { id: claimId, expiresAt: dateOf(reaper) } : null,
    lastClaimId: claimId,
  };
}
