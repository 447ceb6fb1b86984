import type { Message } from "../../data-driver.ts";
import type { DeadLettered } from "../../messages/dead-lettered.ts";
import { headersText, type MessageHeaders, readHeaders } from "../../messages/message-headers.ts";
import { piece } from "../server/script.ts";
import { optionalWord } from "../server/script-parameters.ts";

/**
 * Headers stand before the body, in a line of their own. So every script carries and counts both as one text, and
 * messages without headers cost nothing. No JSON begins like this.
 */
const HEADERS = "headers:";

/**
 * A message's record is a text of fields, `name=value` each, with spaces between them:
 *
 * | field | meaning |
 * |---|---|
 * | marker, created, expires, ttl, client | as in Message; times in microseconds |
 * | count | the claim count |
 * | claim, ends | the last claim and its end, also after it has expired |
 * | part | in that claim. d: delivered; x: held back as a dead letter; -: none |
 * | holder | the client of the last claim that delivered it |
 * | available | when its delay ends, also after that |
 * | last | while it is held back, and after that: the last claim that delivered it, or the nil UUID if that is unknown
 * |
 * | dead_from, dead_at, dead_count, dead_holder, dead_claim | its `deadLettered` |
 *
 * The first five are always there, in this order, and so are the next five once it was claimed: so one pattern reads
 * them. Whatever follows is kept in `more` as it is, whoever writes the record: a later version may add fields, such as
 * a flag, and this one carries them through claims, moves and transfers.
 *
 * Earlier versions wrote ten values by position and no names. `named` returns the text of a record in the present form.
 * `claim_of` reads a part of a record, for half the time. `size_of` is messageBytes: of what is kept of a message in
 * `bodies`.
 */
export const RECORD = piece(
  "a message's record",
  {},
  `
local function word(text)
  return (string.gsub(text, '[%s%%]', function(char) return string.format('%%%02X', string.byte(char)) end))
end
local function read_positional_record(text)
  local marker, created, expires, ttl, available, count, claim, ends, part, client =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {
    marker = marker, created = created, expires = expires, ttl = ttl, client = word(client), count = count,
    claim = claim, ends = ends, part = part, holder = '-', more = available == '0' and '' or ' available=' .. available
  }
end
local function read_record(text)
  local marker, created, expires, ttl, client, more =
    string.match(text, '^marker=(%S+) created=(%S+) expires=(%S+) ttl=(%S+) client=(%S+)(.*)$')
  if not marker then return read_positional_record(text) end
  local count, claim, ends, part, holder, others
  if more ~= '' then
    count, claim, ends, part, holder, others =
      string.match(more, '^ count=(%S+) claim=(%S+) ends=(%S+) part=(%S+) holder=(%S+)(.*)$')
  end
  return {
    marker = marker, created = created, expires = expires, ttl = ttl, client = client, count = count or '0',
    claim = claim or '-', ends = ends or '0', part = part or '-', holder = holder or '-', more = others or more
  }
end
local function claim_of(text)
  local claim, ends, part = string.match(
    text, '^marker=%S+ created=%S+ expires=%S+ ttl=%S+ client=%S+ count=%S+ claim=(%S+) ends=(%S+) part=(%S+)')
  if claim then return claim, ends, part end
  local record = read_record(text)
  return record.claim, record.ends, record.part
end
local function write_record(record)
  local claimed = ''
  if record.count ~= '0' or record.claim ~= '-' then
    claimed = ' count=' .. record.count .. ' claim=' .. record.claim .. ' ends=' .. record.ends .. ' part=' ..
      record.part .. ' holder=' .. record.holder
  end
  return 'marker=' .. record.marker .. ' created=' .. record.created .. ' expires=' .. record.expires .. ' ttl=' ..
    record.ttl .. ' client=' .. record.client .. claimed .. record.more
end
local function named(text)
  return string.sub(text, 1, 7) == 'marker=' and text or write_record(read_positional_record(text))
end
local function size_of(carried)
  return string.byte(carried) == ${HEADERS.charCodeAt(0)} and #carried - ${HEADERS.length + 1} or #carried
end
local function available_at(record)
  return record.more == '' and 0 or tonumber(string.match(record.more, ' available=(%S+)') or 0)
end
local function without(more, name)
  return more == '' and more or (string.gsub(more, ' ' .. name .. '=%S+', '', 1))
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
  { pieces: [RECORD], keys: ["RECORDS", "BODIES"] },
  `
local function describe(ids, most, room)
  local described, bytes = {}, 0
  for first = 1, #ids, ${BODY_STEP} do
    local some = {unpack(ids, first, math.min(first + ${BODY_STEP - 1}, #ids))}
    local records = redis.call('HMGET', RECORDS, unpack(some))
    local bodies = redis.call('HMGET', BODIES, unpack(some))
    for index, id in ipairs(some) do
      if records[index] then
        bytes = bytes + size_of(bodies[index])
        if bytes > (#described > 0 and most or room) then return described, first + index - 2 end
        described[#described + 1] = id
        described[#described + 1] = named(records[index])
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

/** Decodes what `optionalWord` encoded. Null for a field that is not there. */
export function readWord(word: string | undefined): string | null {
  if (word === undefined || word === "-") return null;
  return word.includes("%") ? decodeURIComponent(word.slice(1)) : word.slice(1);
}

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

/**
 * The fields of a record by their names: those of `Fields`, and others that a later version wrote. A word without a
 * name, as in a record that somebody else has changed, is left out.
 */
export function readFields<Fields>(record: string): Fields {
  const fields: Record<string, string> = {};
  for (let at = 0; at < record.length; ) {
    const space = record.indexOf(" ", at);
    const end = space === -1 ? record.length : space;
    const equals = record.indexOf("=", at);
    if (equals !== -1 && equals < end) fields[record.slice(at, equals)] = record.slice(equals + 1, end);
    at = end + 1;
  }
  return fields as Fields;
}

/** The fields of a message's record: see RECORD. */
export interface MessageFields {
  marker: string;
  created: string;
  expires: string;
  ttl: string;
  client: string;
  count?: string;
  claim?: string;
  ends?: string;
  holder?: string;
  available?: string;
  last?: string;
  dead_from?: string;
  dead_at?: string;
  dead_count?: string;
  dead_holder?: string;
  dead_claim?: string;
}

export function carriedText(bodyText: string, headers: MessageHeaders | null | undefined): string {
  const text = headersText(headers);
  return text === null ? bodyText : `${HEADERS}${text}\n${bodyText}`;
}

export function readCarried(carried: string): { bodyText: string; headers: MessageHeaders | null } {
  if (!carried.startsWith(HEADERS)) return { bodyText: carried, headers: null };
  const end = carried.indexOf("\n");
  return { bodyText: carried.slice(end + 1), headers: readHeaders(carried.slice(HEADERS.length, end)) };
}

/** The fields of a record for `deadLettered`, with a space before each. */
export function writeDeadLettered(from: DeadLettered | null): string {
  if (from === null) return "";
  const { queue, at, deliveries, clientId, claimId } = from;
  const [name, holder] = [optionalWord.encode(queue), optionalWord.encode(clientId)];
  const microseconds = at.getTime() * 1000;
  return ` dead_from=${name} dead_at=${microseconds} dead_count=${deliveries} dead_holder=${holder} dead_claim=${claimId ?? "-"}`;
}

export function readDeadLettered(fields: MessageFields): DeadLettered | null {
  const queue = readWord(fields.dead_from);
  if (queue === null) return null;
  return {
    queue,
    at: dateOf(fields.dead_at as string),
    deliveries: Number(fields.dead_count),
    clientId: readWord(fields.dead_holder),
    claimId: orNone(fields.dead_claim),
  };
}

/** As in `read_record`: the first five fields, the next five of a message that was claimed, and what follows. */
const MESSAGE =
  /^marker=(\S+) created=(\S+) expires=(\S+) ttl=(\S+) client=(\S+)(?: count=(\S+) claim=(\S+) ends=(\S+) part=\S+ holder=(\S+))?(.*)$/;

/** As `readFields`, which takes three times as long. */
export function readMessageFields(record: string): MessageFields {
  const found = MESSAGE.exec(record);
  if (found === null) return readFields<MessageFields>(record);
  const [, marker, created, expires, ttl, client, count, claim, ends, holder, more] = found as unknown as string[];
  const fields = { marker, created, expires, ttl, client, count, claim, ends, holder } as MessageFields;
  return more === "" ? fields : Object.assign(fields, readFields((more as string).slice(1)));
}

/** A field that may be left out, or be `-` for none. */
export const orNone = (field: string | undefined) => (field === undefined || field === "-" ? null : field);

function readMessage(id: string, record: string, carried: string, now: string): Message {
  const fields = readMessageFields(record);
  const { marker, created, expires, ttl, client, count, claim, ends, available } = fields;
  const { bodyText, headers } = readCarried(carried);
  const claimId = orNone(claim);
  return {
    id,
    marker,
    bodyText,
    headers,
    ttlSeconds: Number(ttl),
    ageSeconds: ageSeconds(now, created),
    createdAt: dateOf(created),
    expiresAt: dateOf(expires),
    delayedUntil: available !== undefined && Number(available) > Number(now) ? dateOf(available) : null,
    clientId: readWord(client),
    claimCount: Number(count ?? 0),
    claim: claimId !== null && Number(ends) > Number(now) ? { id: claimId, expiresAt: dateOf(ends as string) } : null,
    lastClaimId: claimId,
    deadLettered: readDeadLettered(fields),
  };
}
