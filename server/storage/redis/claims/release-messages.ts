/** Releases single messages of a claim: they are ready at once, or later. */
import type { ClaimController } from "../../data-driver.ts";
import { othersHold } from "../../errors/delete-errors.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import type { Arrivals } from "../arrivals.ts";
import { RECORD } from "../messages/records.ts";
import { CALL, COMES_DUE, ENTER, NOTE, QUEUE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { list, number, text } from "../server/script-parameters.ts";
import { SLICES } from "../server/shared-lua.ts";
import { DECREMENT_HELD } from "./records.ts";

/** "others": ids of messages that another claim holds; then nothing was released. */
const RELEASE_MESSAGES = script("release messages of a claim", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, claim: text, delay: number, ids: list(text) },
  uses: [ENTER, TELL, COMES_DUE, RECORD, NOTE, DECREMENT_HELD, SLICES],
  answers: answers<["ok", released: number] | ["others", ids: string[]]>(),
  lua: `
local mine, others, delivered = {}, {}, 0
for some in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    if record then
      record = read_record(record)
      if tonumber(record.ends) > now then
        if record.claim ~= claim then others[#others + 1] = some[index] end
        mine[#mine + 1] = {some[index], record}
        if record.part == 'd' then delivered = delivered + 1 end
      end
    end
  end
end
if #others > 0 then return {'others', others} end
if history then
  local events, ends = {}, delay > 0 and ' until=' .. digits(now + delay * 1000000) or ''
  for _, message in ipairs(mine) do
    local id, record = unpack(message)
    if record.part == 'd' then
      events[#events + 1] = {id, 'released at=' .. NOW .. ' client=' .. record.holder .. ' claim=' .. claim .. ends}
    end
  end
  tell(events)
end
for some in slices(mine) do
  local ids_here, in_set, records = {}, {}, {}
  for index, message in ipairs(some) do
    local id, record = unpack(message)
    local score = record.marker
    record.claim, record.ends, record.part = '-', '0', '-'
    if delay > 0 then
      local ends = now + delay * 1000000
      record.more = without(record.more, 'available') .. ' available=' .. digits(ends)
      -- A message that expires before its delay ends is delayed until it expires.
      score = digits(math.min(ends, tonumber(record.expires)))
      comes_due(tonumber(score))
    end
    ids_here[index] = id
    in_set[#in_set + 1] = score
    in_set[#in_set + 1] = id
    records[#records + 1] = id
    records[#records + 1] = write_record(record)
  end
  note(ids_here)
  redis.call('HSET', RECORDS, unpack(records))
  redis.call('ZREM', CLAIMED, unpack(ids_here))
  redis.call('ZADD', delay > 0 and DELAYED or READY, unpack(in_set))
end
if delivered > 0 then decrement_held({[claim] = delivered}) end
return {'ok', #mine}`,
});

export function releaseMessages(queues: QueueRows, arrivals: Arrivals): ClaimController["releaseMessages"] {
  return async ({ queue, claimId, ids, delaySeconds: delay }) => {
    // No claim has an empty id.
    const args = { claim: normaliseUuid(claimId) ?? "", delay, ids: [...new Set(validUuids(ids))] };
    const [verdict, found] = await queues.call(queue, RELEASE_MESSAGES, args);
    if (verdict === "others") throw othersHold(found);
    queues.counters.add(queue, "released", found);
    if (delay === 0) arrivals.tell(queue, found);
    return found;
  };
}
