/** Brings back what was purged or deleted, and deleted queues. */
import { undoIsOver } from "../../errors/undo-errors.ts";
import type { QueueUndo } from "../../undo/queue-undo.ts";
import type { Arrivals } from "../arrivals.ts";
import { CONTENT_PARTS, KEY_PARTS } from "../keys.ts";
import { RECORD } from "../messages/records.ts";
import { CALL, CONTENT, FORGET_MOVE, LIFE, QUEUE, QUEUE_ROW, SCHEDULE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script, table } from "../server/script.ts";
import { numeral, text } from "../server/script-parameters.ts";
import { CLOCK, EXPIRE_STEP } from "../server/shared-lua.ts";
import { CARRY, MESSAGE_PARTS } from "./lua.ts";

/** With no more messages in the queue, these go to the content that comes back, and it is renamed as a whole. */
const MANY = 500;
/** How long the rest of a content is kept whose return was broken off, in microseconds. */
const DAY = "86400000000";

const partsInLua = (parts: readonly string[]) =>
  `{${parts.map((part) => `'${part.replaceAll("-", "_")}'`).join(", ")}}`;

/**
 * Answers `more` while claims are ended: nothing else sees that content. Then it brings back everything at once, or a
 * step of it (`some`). `again`: an earlier call has begun the new life.
 */
const RESTORE = script("bring back what was removed", {
  effect: "grows",
  keys: { ...QUEUE, away: table(CONTENT_PARTS) },
  args: { ...CALL, newEpoch: numeral, what: text, token: text },
  uses: [CLOCK, LIFE, QUEUE_ROW, CONTENT, FORGET_MOVE, SCHEDULE, RECORD, TELL, CARRY],
  answers: answers<["ok" | "some", messages: number, again: 0 | 1] | ["over"]>(),
  lua: `
local entry = (what == 'purge' and 'purged:' or what == 'queue' and 'queue:' or 'deleted:') .. token
local is_kept = redis.call('ZSCORE', RETIRED, entry)
local again = epoch == new_epoch and 1 or 0
if again == 1 and not is_kept then return {'ok', 0, 1} end
if epoch and redis.call('HEXISTS', ROW, 'frozen') == 1 then return {'moving'} end
local was_deleted = what == 'queue' and not epoch
if again == 0 and not was_deleted then
  if not epoch then return {'over'} end
  if epoch ~= caller_epoch then return {what == 'queue' and 'over' or 'stale'} end
end
local of, purged_before = string.match(redis.call('HGET', ROW, 'undo') or '', '^(%S+) (%S*)$')
local never_left = what == 'queue' and epoch
if not is_kept and not never_left then return {'over'} end
if what == 'purge' and again == 0 and of ~= token then return {'over'} end

local claimed = redis.call('ZRANGE', away.claimed, 0, ${EXPIRE_STEP - 1})
if #claimed > 0 then
  local fields, ready = {}, {}
  for index, text in ipairs(redis.call('HMGET', away.records, unpack(claimed))) do
    if text then
      local record = read_record(text)
      record.ends, record.part = '0', '-'
      fields[#fields + 1] = claimed[index]
      fields[#fields + 1] = write_record(record)
      ready[#ready + 1] = record.marker
      ready[#ready + 1] = claimed[index]
    end
  end
  if #fields > 0 then
    redis.call('HSET', away.records, unpack(fields))
    redis.call('ZADD', away.ready, unpack(ready))
  end
  redis.call('ZREM', away.claimed, unpack(claimed))
  return {'more'}
end

if again == 0 then
  forget_move()
  redis.call('HDEL', ROW, 'exhausted')
  if what == 'purge' then
    if purged_before ~= '' then
      redis.call('HSET', ROW, 'purged-at', purged_before)
    else
      redis.call('HDEL', ROW, 'purged-at')
    end
  end
  begin_life(ROW, new_epoch)
end
redis.call('HSET', ROW, 'next', '0')
schedule(now)

local function is_over()
  for _, key in pairs(away) do redis.call('UNLINK', key) end
  redis.call('ZREM', RETIRED, entry)
  if of == token then redis.call('HDEL', ROW, 'undo') end
end
if never_left and not is_kept then return {'ok', redis.call('ZCARD', content.order), again} end
local is_whole = was_deleted or redis.call('EXISTS', away.expiry) == 1
if is_whole and redis.call('ZCARD', content.order) <= ${MANY} then
  local count = redis.call('ZCARD', away.order) - redis.call('ZCOUNT', away.expiry, '-inf', NOW)
  carry(redis.call('ZRANGE', content.order, 0, -1), content, away, false)
  for _, part in ipairs(${partsInLua([...MESSAGE_PARTS, ...KEY_PARTS])}) do
    if redis.call('EXISTS', away[part]) == 1 then redis.call('RENAME', away[part], content[part]) end
  end
  is_over()
  return {'ok', count, again}
end
local ids = redis.call('ZRANGE', away.order, 0, ${EXPIRE_STEP - 1})
local count = carry(ids, away, content, true)
if history and not is_whole then tell_ended(ids, 'restored') end
if redis.call('EXISTS', away.order) == 0 then
  is_over()
  return {'ok', count, again}
end
redis.call('ZADD', RETIRED, digits(now + ${DAY}), entry)
return {'some', count, again}`,
});

export function redisUndo(queues: QueueRows, arrivals: Arrivals): QueueUndo {
  return {
    async restore({ queue, token, what, newEpoch }) {
      const row = queues.keys.row(queue)[0] as string;
      const away = queues.keys.retired(row, token, CONTENT_PARTS);
      let messages = 0;
      let wasBegun = false;
      for (let step = 1; ; step += 1) {
        const answer = await queues.call(queue, RESTORE, { newEpoch, what, token }, { keys: { away } });
        if (answer[0] === "over") throw undoIsOver(queue, "gone");
        const [verdict, count, again] = answer;
        messages += count;
        wasBegun ||= step === 1 && again === 1;
        if (verdict === "ok") break;
      }
      queues.counters.touch(queue);
      arrivals.tell(queue, Math.max(messages, 1));
      return { messages: wasBegun ? null : messages };
    },
  };
}
