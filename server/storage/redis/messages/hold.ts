/** Holds messages for a transfer to another store, and lets them go. */
import type { MessageController } from "../../data-driver.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import type { Arrivals } from "../arrivals.ts";
import { CALL, COMES_DUE, ENTER, NOTE, QUEUE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { list, number, text } from "../server/script-parameters.ts";
import { SLICES } from "../server/shared-lua.ts";
import { RECORD } from "./records.ts";

/**
 * A hold is what a claim does with a dead letter: `last` keeps the claim that it replaces. It has no record among the
 * claims. `seconds`: 0 lets go.
 */
const HOLD = script("hold messages", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, holder: text, seconds: number, ids: list(text) },
  uses: [ENTER, COMES_DUE, RECORD, NOTE, SLICES],
  answers: answers<["ok", ids: string[]]>(),
  lua: `
local ends, found = now + seconds * 1000000, {}
local function change(record)
  local is_live, is_mine = tonumber(record.ends) > now, record.claim == holder
  if seconds == 0 then
    if not (is_live and is_mine) then return false end
    local last = string.match(record.more, ' last=(%S+)') or '${NIL}'
    record.claim, record.ends, record.part = last == '${NIL}' and '-' or last, '0', '-'
    record.more = without(record.more, 'last')
    return true
  end
  if is_live and not is_mine then return false end
  if not string.find(record.more, ' last=', 1, true) then
    record.more = record.more .. ' last=' .. (record.claim == '-' and '${NIL}' or record.claim)
  end
  record.claim, record.ends, record.part = holder, digits(ends), 'x'
  return true
end
for some in slices(ids) do
  local here, records, sets = {}, {}, {[READY] = {}, [DELAYED] = {}, [CLAIMED] = {}}
  for index, text in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    local record, id = text and read_record(text), some[index]
    if record and change(record) then
      local set, score = CLAIMED, record.ends
      if seconds == 0 then
        local available = available_at(record)
        set, score = READY, record.marker
        -- A message that expires before its delay ends is delayed until it expires.
        if available > now then set, score = DELAYED, digits(math.min(available, tonumber(record.expires))) end
        if set == DELAYED then comes_due(tonumber(score)) end
      end
      here[#here + 1], found[#found + 1] = id, id
      records[#records + 1] = id
      records[#records + 1] = write_record(record)
      table.insert(sets[set], score)
      table.insert(sets[set], id)
    end
  end
  if #here > 0 then
    note(here)
    redis.call('HSET', RECORDS, unpack(records))
    for set, members in pairs(sets) do
      redis.call('ZREM', set, unpack(here))
      if #members > 0 then redis.call('ZADD', set, unpack(members)) end
    end
  end
end
if #found > 0 and seconds > 0 then comes_due(ends) end
return {'ok', found}`,
});

export function holdMessages(queues: QueueRows, arrivals: Arrivals): MessageController["hold"] {
  return async ({ queue, ids, holdId, seconds }) => {
    const holder = normaliseUuid(holdId);
    const wanted = [...new Set(validUuids(ids))];
    if (holder === null || wanted.length === 0) return [];
    const [, found] = await queues.call(queue, HOLD, { holder, seconds, ids: wanted });
    if (seconds === 0) arrivals.tell(queue, found.length);
    return found;
  };
}
