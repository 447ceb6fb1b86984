/** How select and count look at a queue: the bounds of a slice, and which messages fit a filter. */
import type { MessageController } from "../../data-driver.ts";
import type { SelectParams, selectByIds } from "../../messages/message-select.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { CLAIM_RECORD } from "../claims/records.ts";
import { piece } from "../server/script.ts";
import { flag, number, optionalNumber, optionalText, optionalWord, text } from "../server/script-parameters.ts";
import { LAST_BEFORE } from "./last-before.ts";
import { RECORD } from "./records.ts";

/** What a script looks at, at most, so as not to block the server: bytes of bodies; at least one body. */
export const READ_BYTES = 524_288;

/** Markers from `lowest` to `highest`. */
export const FILTER_ARGS = {
  lowest: text,
  highest: text,
  ready: flag,
  claimed: flag,
  delayed: flag,
  exhausted: flag,
  exhaustedFrom: optionalNumber,
  client: optionalWord,
  minCount: number,
  holder: optionalWord,
  claimEndsBefore: optionalNumber,
  postedFrom: optionalNumber,
  postedBefore: optionalNumber,
  contains: optionalText,
};

/**
 * `set` is the set to look at, and `lowest` and `highest` its bounds. With `filters`, `is_kept` says of a record whether
 * the message fits, but for its body; without, all messages of the set do. `needle` is the text to look for in bodies,
 * or false, and `has_needle` looks for it.
 */
export const FILTER = piece(
  "a filter of messages",
  {
    pieces: [RECORD, LAST_BEFORE, CLAIM_RECORD],
    keys: ["ORDER", "READY", "CLAIMS"],
    args: [
      "lowest",
      "highest",
      "ready",
      "claimed",
      "delayed",
      "exhausted",
      "exhausted_from",
      "client",
      "min_count",
      "holder",
      "claim_ends_before",
      "posted_from",
      "posted_before",
      "contains",
    ],
  },
  `
local set = (claimed or delayed) and ORDER or READY
local exhausted_count = exhausted_from or math.huge
local any_client, any_holder = client == '-', holder == '-'
local needle = contains ~= '-' and string.sub(contains, 2)
local filters = not (ready and claimed and delayed and exhausted) or not any_client or min_count > 0 or posted_from or
  posted_before or not any_holder or claim_ends_before
if posted_from then
  local above = last_before(posted_from)
  if tonumber(above) >= tonumber(lowest) then lowest = '(' .. above end
end
if posted_before then
  local up_to = last_before(posted_before)
  if tonumber(up_to) < tonumber(highest) then highest = up_to end
end
local holders = {}
local function holder_of(claim)
  if holders[claim] == nil then
    local found = redis.call('HGET', CLAIMS, claim)
    local held_by = found and read_claim(found)
    holders[claim] = held_by and (held_by.client ~= '-' and held_by.client or held_by.actor)
  end
  return holders[claim]
end
local function is_kept(record)
  if not any_client and record.client ~= client then return false end
  if tonumber(record.count) < min_count then return false end
  local created = tonumber(record.created)
  if posted_from and created < posted_from or posted_before and created >= posted_before then return false end
  if tonumber(record.ends) > now then
    if claim_ends_before and tonumber(record.ends) >= claim_ends_before then return false end
    return claimed and (any_holder or holder_of(record.claim) == holder)
  end
  if claim_ends_before or not any_holder then return false end
  if available_at(record) > now then return delayed end
  if tonumber(record.count) >= exhausted_count then return exhausted end
  return ready
end
local function has_needle(carried)
  local first = #carried - size_of(carried) + 1
  if first > 1 then first = string.find(carried, '\\n', 1, true) + 1 end
  return string.find(carried, needle, first, true) ~= nil
end
`,
);

/** The lowest or highest score behind a marker, in the order of reading. */
export function boundsOf(
  { filter: { aboveMarker, upToMarker }, order }: Pick<SelectParams, "filter" | "order">,
  after: string | undefined,
) {
  const lowest = [aboveMarker ?? "0", ...(after !== undefined && order === "oldestFirst" ? [after] : [])];
  const highest = [
    ...(upToMarker === undefined ? [] : [upToMarker]),
    ...(after !== undefined && order === "newestFirst" ? [(BigInt(after) - 1n).toString()] : []),
  ];
  const inOrder = (markers: readonly string[]) => markers.map(BigInt).sort((a, b) => (a < b ? -1 : 1));
  return {
    lowest: ((inOrder(lowest).at(-1) as bigint) + 1n).toString(),
    highest: (inOrder(highest)[0] ?? BigInt(Number.MAX_SAFE_INTEGER)).toString(),
  };
}

export function termsOf({ filter, exhaustedFrom }: Pick<SelectParams, "filter" | "exhaustedFrom">) {
  const {
    states,
    clientId,
    minClaimCount = 0,
    holder,
    claimEndsBefore,
    bodyContains,
    postedFrom,
    postedBefore,
  } = filter;
  const has = (state: NonNullable<typeof states>[number]) => states === undefined || states.includes(state);
  const microseconds = (time: Date | undefined) => time && time.getTime() * 1000;
  return {
    ready: has("ready"),
    claimed: has("claimed"),
    delayed: has("delayed"),
    exhausted: has("exhausted"),
    exhaustedFrom,
    client: clientId,
    minCount: minClaimCount,
    holder,
    claimEndsBefore: microseconds(claimEndsBefore),
    contains: bodyContains,
    postedFrom: microseconds(postedFrom),
    postedBefore: microseconds(postedBefore),
  };
}

export type BulkGet = MessageController["bulkGet"];

/** Reads messages for `selectByIds`. */
export const readerOf =
  (bulkGet: BulkGet, queue: QueueRef): Parameters<typeof selectByIds>[2] =>
  (ids, maxBytes) =>
    bulkGet({ queue, ids, maxBytes });
