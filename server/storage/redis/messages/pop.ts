/** Takes messages away for good. */
import { DomainError } from "../../../errors.ts";
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import { writeRefusalOf } from "../../errors/read-only-storage.ts";
import { keepsTooMuch, keyReused, MAX_KEPT_BYTES, POPPED, popDigest, readPopped } from "../../idempotency.ts";
import { KEPT_KEYS, KEPT_POP_BYTES } from "../kept-keys-lua.ts";
import { CALL, ENTER, QUEUE, REMOVE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type AnswerOf, answers, script } from "../server/script.ts";
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
      record = read_record(record)
      if tonumber(record.count) < exhausted_count then ids[#ids + 1] = page[index] end
      bound = '(' .. record.marker
    end
    looked = looked + #page
  until #ids == limit or #page < ${EXPIRE_STEP} or looked >= ${LOOK_AT}
  stopped = #ids < limit and #page == ${EXPIRE_STEP} and bound
end
local messages, count = describe(ids, max_bytes, math.huge)
for index = #ids, count + 1, -1 do ids[index] = nil end
if history then tell_ended(ids, 'popped') end
remove(ids, READY)`;

type Popped = ["ok", now: string, messages: string[], stopped: string | null];

/** Answers where it stopped when it has looked at enough messages; the caller continues from there. */
const POP = script("pop messages", {
  effect: "writes",
  keys: QUEUE,
  args: ARGS,
  uses: [ENTER, TELL, REMOVE, RECORD, DESCRIBE, EXHAUSTED_FRONT],
  answers: answers<Popped>(),
  lua: `${TAKE}
return {'ok', NOW, messages, stopped}`,
});

const KEY = { idempotencyKey: optionalText, digest: text };
type Kept = ["reused"] | ["repeated", kept: string];

const REPEAT = `
local request, result = kept(idempotency_key)
if request and request ~= digest then return {'reused'} end
if request and string.sub(result, 1, ${POPPED.length}) == '${POPPED}' then return {'repeated', result} end`;

/** Keeps the messages as KeptMessage, unless there are none. So it takes memory, and a full server refuses it. */
const POP_KEYED = script("pop messages once", {
  effect: "grows",
  keys: QUEUE,
  args: { ...ARGS, ...KEY, mostKept: number },
  uses: [ENTER, TELL, REMOVE, RECORD, DESCRIBE, EXHAUSTED_FRONT, KEPT_KEYS, KEPT_POP_BYTES],
  answers: answers<Popped | Kept | ["full", bytes: number]>(),
  lua: `${REPEAT}
local bytes_before = kept_pop_bytes()
if bytes_before >= most_kept then return {'full', bytes_before} end
${TAKE}
local answer = {}
local function text_of(word)
  if word == '-' then return cjson.null end
  return (string.gsub(string.sub(word, 2), '%%(%x%x)', function(code) return string.char(tonumber(code, 16)) end))
end
local function dead_lettered(more)
  local from, at, count, holder, claim =
    string.match(more, ' dead_from=(%S+) dead_at=(%S+) dead_count=(%S+) dead_holder=(%S+) dead_claim=(%S+)')
  if not from then return cjson.null end
  return {
    queue = text_of(from), at = math.floor(at / 1000), deliveries = tonumber(count), clientId = text_of(holder),
    claimId = claim == '-' and cjson.null or claim
  }
end
local function milliseconds(time) return digits(math.floor(tonumber(time) / 1000)) end
for at = 1, #messages, 3 do
  local id, record, body = messages[at], messages[at + 1], messages[at + 2]
  record = read_record(record)
  answer[#answer + 1] = {
    id, record.marker, milliseconds(record.created), milliseconds(record.expires), record.ttl,
    digits(math.max(0, math.floor((now - tonumber(record.created)) / 1000000))), text_of(record.client), record.count,
    record.claim == '-' and cjson.null or record.claim, string.match(body, '^headers:[^\\n]*\\n(.*)$') or body,
    string.match(body, '^headers:([^\\n]*)') or cjson.null, dead_lettered(record.more)
  }
end
if #answer > 0 then
  local kept_answer = '${POPPED}' .. cjson.encode(answer)
  keep(idempotency_key, digest, kept_answer)
  count_pop_bytes(now, #kept_answer)
end
return {'ok', NOW, messages, stopped}`,
});

/** For a full server. It returns what it keeps, and pops nothing with a key. */
const FIND_KEPT = script("find a kept pop", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, ...KEY },
  uses: [ENTER, KEPT_KEYS],
  answers: answers<Kept | ["none"]>(),
  lua: `${REPEAT}
return {'none'}`,
});

export function popMessages(queues: QueueRows, keptPopsBytes: number): MessageController["pop"] {
  return async (params) => {
    if (params.limit < 1) return [];
    const { queue, limit, exhaustedFrom, idempotencyKey: key } = params;
    const maxBytes = carriedBytes(params.maxBytes);
    const deadline = callDeadline();
    const once = { idempotencyKey: key, digest: popDigest(limit) };
    const wanted = { limit, exhaustedFrom };

    async function popOnce(from: string): Promise<AnswerOf<typeof POP_KEYED>> {
      const most = Math.min(maxBytes, MAX_KEPT_BYTES);
      const args = { ...wanted, ...once, maxBytes: most, mostKept: keptPopsBytes, from };
      try {
        return await queues.call(queue, POP_KEYED, args, { deadline });
      } catch (error) {
        if (writeRefusalOf(error) !== "memory-full") throw error;
        const found = await queues.call(queue, FIND_KEPT, once, { deadline });
        if (found[0] !== "none") return found;
        throw keepsNoMore(error as DomainError);
      }
    }

    let from = "-inf";
    // Returns what one run popped at once. If the next run failed, the caller would never get it.
    for (;;) {
      const answer =
        key === undefined
          ? await queues.call(queue, POP, { ...wanted, maxBytes, from }, { deadline })
          : await popOnce(from);
      if (answer[0] === "reused") throw keyReused(key as string);
      if (answer[0] === "repeated") return readPopped(answer[1], maxBytes) ?? [];
      if (answer[0] === "full") throw keepsTooMuch(queue, answer[1], keptPopsBytes);
      const [, now, messages, stopped] = answer;
      const popped = readMessages(messages, now);
      queues.counters.add(queue, "popped", popped.length);
      if (popped.length > 0 || stopped === null) return popped;
      from = stopped;
    }
  };
}

function keepsNoMore({ code, message, details, cause }: DomainError): DomainError {
  const advice = "A pop without an idempotencyKey works, and frees memory.";
  return new DomainError(code, `${message} ${advice}`, { details, cause });
}
