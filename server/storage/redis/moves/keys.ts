/** Reads the idempotency keys of a queue that moves away. See QueueTransfer. */
import { KEY_SECONDS, POP_KEY_SECONDS, POP_PREFIX } from "../../idempotency.ts";
import type { MovedKey, QueueTransfer } from "../../moves/queue-transfer.ts";
import { KEY_LIFE, POP_LIFE } from "../kept-keys-lua.ts";
import { ENTER_ATTEMPT, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { number, optionalNumber, records, text } from "../server/script-parameters.ts";
import { EXPIRE_STEP } from "../server/shared-lua.ts";
import { ATTEMPT, READ_BYTES, until } from "./attempt.ts";

/** How far a server's clock may be set back, or be behind that of the server before it, without a key being missed. */
const MARGIN_US = 1_000_000;
const [POP_US, KEY_US] = [POP_KEY_SECONDS * 1_000_000, KEY_SECONDS * 1_000_000];

/**
 * Keys that end from `pops_from` or `keys_from` on, in this order, and were used until `last_use`, or now. There is a
 * set of keys by the time when they end. Those that were used since some time are in two parts of it, because the keys
 * of pops end earlier. `recent` are left out.
 */
const READ_KEYS = script("read idempotency keys to move", {
  effect: "reads",
  keys: QUEUE,
  args: {
    ...ATTEMPT,
    popsFrom: number,
    keysFrom: number,
    lastUse: optionalNumber,
    limit: number,
    recent: records({ key: text, ends: text }),
  },
  uses: [ENTER_ATTEMPT],
  answers: answers<["ok", now: string, keys: [key: string, ends: string, kept: string][]]>(),
  lua: `
local known, read, bytes = {}, {}, 0
for _, one in ipairs(recent) do known[one.key] = one.ends end
local function read_part(from, to)
  local offset = 0
  repeat
    local page =
      redis.call('ZRANGEBYSCORE', KEPT_ENDS, digits(from), digits(to), 'WITHSCORES', 'LIMIT', offset, ${EXPIRE_STEP})
    for at = 1, #page, 2 do
      if #read >= limit or bytes >= ${READ_BYTES} then return end
      local key, ends = page[at], digits(tonumber(page[at + 1]))
      if known[key] ~= ends then
        local used = redis.call('HGET', KEPT, key)
        bytes = bytes + #used
        read[#read + 1] = {key, ends, used}
      end
    end
    offset = offset + ${EXPIRE_STEP}
  until #page < 2 * ${EXPIRE_STEP}
end
local last = last_use or now
read_part(math.max(now, pops_from), last + ${POP_LIFE})
read_part(math.max(keys_from, last + ${POP_LIFE} + 1), last + ${KEY_LIFE})
return {'ok', NOW, read}`,
});

/**
 * Keys are read in rounds. A round has those that were used before it began, and later than a margin before the last
 * round. Times are in microseconds.
 */
interface Seen {
  popsFrom: number;
  keysFrom: number;
  /** When the round began. Null before its first page. */
  lastUse: number | null;
  /** Those that were read, and may be read again: of one time there may be many. */
  recent: { key: string; ends: string }[];
}

const NOTHING: Seen = { popsFrom: 0, keysFrom: 0, lastUse: null, recent: [] };

export function keyReader(queues: QueueRows): QueueTransfer["readKeys"] {
  return async ({ queue, moveEpoch, seen, limit }) => {
    const from: Seen = seen === null ? NOTHING : JSON.parse(seen);
    const [, now, keys] = await queues.call(queue, READ_KEYS, { attempt: moveEpoch, limit, ...from });
    const lastUse = from.lastUse ?? Number(now);
    return {
      keys: keys.map(([key, , kept]) => readKey(key, kept, now)),
      seen: JSON.stringify(next(from, keys, lastUse)),
    };
  };
}

function next(from: Seen, read: readonly [key: string, ends: string, kept: string][], lastUse: number): Seen {
  const recent = [...from.recent, ...read.map(([key, ends]) => ({ key, ends }))];
  const isPops = (ends: string) => Number(ends) <= lastUse + POP_US;
  /** The next round's beginning, for which `recent` needs the keys behind it. */
  const [popsFrom, keysFrom] = [lastUse + POP_US - MARGIN_US, lastUse + KEY_US - MARGIN_US];
  if (read.length === 0) return { popsFrom, keysFrom, lastUse: null, recent };
  const page = { popsFrom: from.popsFrom, keysFrom: from.keysFrom };
  for (const [, ends] of read) page[isPops(ends) ? "popsFrom" : "keysFrom"] = Number(ends);
  return {
    ...page,
    lastUse,
    recent: recent.filter(({ ends }) =>
      isPops(ends)
        ? Number(ends) >= Math.min(popsFrom, page.popsFrom)
        : Number(ends) >= Math.min(keysFrom, page.keysFrom),
    ),
  };
}

function readKey(key: string, kept: string, now: string): MovedKey {
  const [used, request] = kept.split(" ", 2) as [string, string];
  const result = kept.slice(used.length + request.length + 2);
  return {
    key: key.slice(1),
    request,
    result: request.startsWith(POP_PREFIX) ? result : result.replaceAll(" ", ","),
    ageMs: until(now, used),
  };
}
