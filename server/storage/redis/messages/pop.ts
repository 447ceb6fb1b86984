/** Takes messages away for good. */
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import { keyReused, MAX_KEPT_BYTES, POPPED, popDigest, readPopped } from "../../idempotency.ts";
import { CALL, ENTER, KEPT_KEYS, QUEUE, REMOVE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { number, optionalNumeral, optionalText, text } from "../server/script-parameters.ts";
import { callDeadline } from "../server/scripts.ts";
import { EXPIRE_STEP } from "../server/shared-lua.ts";
import { EXHAUSTED_FRONT, LOOK_AT } from "./exhausted.ts";
import { DESCRIBE, RECORD, readMessages } from "./records.ts";

const ARGS = {
  ...CALL,
  limit: number,
  maxBytes: number,
  // The number of claims from which a message is exhausted, and not popped. None: never.
  exhaustedFrom: optionalNumeral,
  from: text,
};

const TAKE = `
local ids, stopped = {}, false
if not exhausted_from then
  ids = redis.call('ZRANGE', READY, 0, limit - 1)
else
  local bound, exhausted_count = behind_front(exhausted_from, from), tonumber(exhausted_from)
  local looked, page = 0, nil
  repeat
    page = redis.call('ZRANGEBYSCORE', READY, bound, '+inf', 'LIMIT', 0, ${EXPIRE_STEP})
    for index, record in ipairs(#page > 0 and redis.call('HMGET', RECORDS, unpack(page)) or {}) do
      if #ids == limit then break end
      local marker, count = string.match(record, '^(%S+) %S+ %S+ %S+ %S+ (%S+)')
      if tonumber(count) < exhausted_count then ids[#ids + 1] = page[index] end
      bound = '(' .. marker
    end
    looked = looked + #page
  until #ids == limit or #page < ${EXPIRE_STEP} or looked >= ${LOOK_AT}
  stopped = #ids < limit and #page == ${EXPIRE_STEP} and bound
end
local messages, count = describe(ids, max_bytes, math.huge)
for index = #ids, count + 1, -1 do ids[index] = nil end
remove(ids, READY)`;

type Popped = ["ok", now: string, messages: string[], stopped: string | null];

/** Answers where it stopped when it has looked at enough messages; the caller continues from there. */
const POP = script("pop messages", {
  effect: "writes",
  keys: QUEUE,
  args: ARGS,
  uses: [ENTER, REMOVE, DESCRIBE, EXHAUSTED_FRONT],
  answers: answers<Popped>(),
  lua: `${TAKE}
return {'ok', NOW, messages, stopped}`,
});

/** Keeps the messages as KeptMessage, unless there are none. So it takes memory, and a full server refuses it. */
const POP_KEYED = script("pop messages once", {
  effect: "grows",
  keys: QUEUE,
  args: { ...ARGS, idempotencyKey: optionalText, digest: text },
  uses: [ENTER, REMOVE, RECORD, DESCRIBE, EXHAUSTED_FRONT, KEPT_KEYS],
  answers: answers<Popped | ["reused"] | ["repeated", kept: string]>(),
  lua: `
local request, result = kept(idempotency_key)
if request and request ~= digest then return {'reused'} end
if request and string.sub(result, 1, ${POPPED.length}) == '${POPPED}' then return {'repeated', result} end
${TAKE}
local answer = {}
local function milliseconds(time) return digits(math.floor(tonumber(time) / 1000)) end
for at = 1, #messages, 3 do
  local id, record, body = messages[at], messages[at + 1], messages[at + 2]
  local marker, created, expires, ttl, _, times, claim, _, _, client = read_record(record)
  answer[#answer + 1] = {
    id, marker, milliseconds(created), milliseconds(expires), ttl,
    digits(math.max(0, math.floor((now - tonumber(created)) / 1000000))),
    client == '-' and cjson.null or string.sub(client, 2), times, claim == '-' and cjson.null or claim, body
  }
end
if #answer > 0 then keep(idempotency_key, digest, '${POPPED}' .. cjson.encode(answer)) end
return {'ok', NOW, messages, stopped}`,
});

export function popMessages(queues: QueueRows): MessageController["pop"] {
  return async (params) => {
    if (params.limit < 1) return [];
    const { queue, limit, exhaustedFrom, idempotencyKey: key } = params;
    const maxBytes = carriedBytes(params.maxBytes);
    const deadline = callDeadline();
    const once = { idempotencyKey: key, digest: popDigest(limit) };
    const wanted = { limit, exhaustedFrom };
    let from = "-inf";
    // Returns what one run popped at once. If the next run failed, the caller would never get it.
    for (;;) {
      const answer =
        key === undefined
          ? await queues.call(queue, POP, { ...wanted, maxBytes, from }, { deadline })
          : await queues.call(
              queue,
              POP_KEYED,
              { ...wanted, ...once, maxBytes: Math.min(maxBytes, MAX_KEPT_BYTES), from },
              { deadline },
            );
      if (answer[0] === "reused") throw keyReused(key as string);
      if (answer[0] === "repeated") return readPopped(answer[1], maxBytes) ?? [];
      const [, now, messages, stopped] = answer;
      const popped = readMessages(messages, now);
      if (popped.length > 0 || stopped === null) return popped;
      from = stopped;
    }
  };
}
