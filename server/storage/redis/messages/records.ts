import type { Message } from "../../data-driver.ts";
import { piece } from "../server/script.ts";

/**
 * A message's record: marker, created, expires, ttl, available (0: at once), claim count, claim, the claim's end, the
 * message's part in the claim (d: delivered, x: held back as a dead letter, -: none), client. A claim that has expired
 * stays in the record.
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
 * How many bodies a script reads at a time, until their bytes are enough. The server has them all in memory, also those
 * that are not returned. So this is as small as it can be without slowing scripts down.
 */
export const BODY_STEP = 16;

/**
 * Returns messages as a reply: id, record and body of each. Stops before the message that would pass `most` bytes, but
 * returns at least one if there is any, unless that one alone passes `room`. Also returns how many of the ids that
 * covers. Ids without a message are left out.
 */
export const DESCRIBE = piece(
  "messages as a reply",
  { keys: ["RECORDS", "BODIES"] },
  `
local function describe(ids, most, room)
  local described, bytes = {}, 0
  for first = 1, #ids, ${BODY_STEP} do
    local some = {unpack(ids, first, math.min(first + ${BODY_STEP - 1}, #ids))}
    local records = redis.call('HMGET', RECORDS, unpack(some))
    local bodies = redis.call('HMGET', BODIES, unpack(some))
    for index, id in ipairs(some) do
      if records[index] then
        bytes = bytes + #bodies[index]
        if bytes > (#described > 0 and most or room) then return described, first + index - 2 end
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

/** Room for everything. */
export const MAX_ROOM = Number.MAX_SAFE_INTEGER;

/**
 * Of an answer that ended early: true when the room was the reason, so that it lacks what its own bound `pageBytes`
 * allows.
 */
export const isCutByRoom = (found: readonly Message[], pageBytes: number, room: number) =>
  room < pageBytes || found.length === 0;

/** Decodes a text that `optionalText` encoded. */
export const readOptional = (text: string) => (text.startsWith("+") ? text.slice(1) : null);

/** Converts a time of a script, in microseconds. */
export const dateOf = (microseconds: string | number) => new Date(Number(microseconds) / 1000);
export const ageSeconds = (now: string, since: string) =>
  Math.max(0, Math.floor((Number(now) - Number(since)) / 1_000_000));

/** Reads the messages of a reply: id, record and body of each. `now` is the script's time. */
export function readMessages(parts: readonly string[], now: string): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    messages.push(readMessage(parts[at] as string, parts[at + 1] as string, parts[at + 2] as string, now));
  }
  return messages;
}

const FIELDS = 9;

function readMessage(id: string, record: string, bodyText: string, now: string): Message {
  const [marker, created, expires, ttl, available, count, claim, claimEnds] = record.split(" ", FIELDS) as [
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
    claim: claimId !== null && Number(claimEnds) > Number(now) ? { id: claimId, expiresAt: dateOf(claimEnds) } : null,
    lastClaimId: claimId,
  };
}
