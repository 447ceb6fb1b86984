/** The last step of a transfer to another store: removes what that store has by now. */
import type { MessageController } from "../../data-driver.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import { endingOf, tallyOf } from "../../messages/transfer-kind.ts";
import { DECREMENT_HELD } from "../claims/records.ts";
import { CALL, ENTER, QUEUE, REMOVE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, script } from "../server/script.ts";
import { list, text } from "../server/script-parameters.ts";
import { SLICES } from "../server/shared-lua.ts";
import { RECORD } from "./records.ts";

/** The newest retired contents that are looked through: of a transfer that goes on now, so it is among them. */
const MOST_RETIRED = 1000;

/**
 * A message that still carries the id of the claim was claimed by nobody else, whether the claim has ended or not. What
 * is not in the queue may be among what was purged or deleted and can be brought back. Those keys are not among the
 * script's: few calls need them. They have the hash tag of the row.
 */
const REMOVE_COPIED = script("remove what was copied", {
  effect: "writes",
  keys: QUEUE,
  args: { ...CALL, claim: text, ending: text, ids: list(text) },
  uses: [ENTER, TELL, REMOVE, RECORD, SLICES, DECREMENT_HELD],
  answers: answers<["ok", removed: number, left: string[]]>(),
  lua: `
local mine, left, missing, held_by = {}, {}, {}, {}
for some in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    local id = some[index]
    if record then
      local of, ends, part = claim_of(record)
      if of == claim then
        mine[#mine + 1] = id
        if part == 'd' and tonumber(ends) > now then held_by[of] = (held_by[of] or 0) + 1 end
      else
        left[#left + 1] = id
      end
    else
      missing[#missing + 1] = id
    end
  end
end
if history then tell_ended(mine, ending) end
remove(mine)
decrement_held(held_by)
local function forget(content)
  for some in slices(missing) do
    local found = {}
    for index, record in ipairs(redis.call('HMGET', content .. 'records', unpack(some))) do
      if record and (claim_of(record)) == claim then found[#found + 1] = some[index] end
    end
    if #found > 0 then
      redis.call('HDEL', content .. 'records', unpack(found))
      redis.call('HDEL', content .. 'bodies', unpack(found))
      for _, part in ipairs({'order', 'expiry', 'ready', 'delayed', 'claimed'}) do
        redis.call('ZREM', content .. part, unpack(found))
      end
    end
  end
end
if #missing > 0 then
  for _, entry in ipairs(redis.call('ZREVRANGE', RETIRED, 0, ${MOST_RETIRED - 1})) do
    local name = string.match(entry, '^purged:(.*)$') or string.match(entry, '^deleted:(.*)$')
    if name then forget(RETIRED .. ':' .. name .. ':') end
  end
end
return {'ok', #mine, left}`,
});

export function removeCopiedMessages(queues: QueueRows): MessageController["removeCopied"] {
  return async ({ queue, as, ...params }) => {
    const claim = normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (claim === null || ids.length === 0) return [];
    const [, removed, left] = await queues.call(queue, REMOVE_COPIED, { claim, ending: endingOf(as), ids });
    queues.counters.add(queue, tallyOf(as), removed);
    return left;
  };
}
