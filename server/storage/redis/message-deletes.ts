import { DomainError } from "../../errors.ts";
import type { DeleteOutcome, QueueRef } from "../data-driver.ts";
import { normaliseUuid } from "../list-markers.ts";
import type { PoolQueues } from "./pool-queues.ts";
import { script } from "./scripts.ts";
import { ENTER, LET_GO } from "./shared-lua.ts";

/**
 * ARGV: 3 what may be deleted (any; free: what nobody holds; held: what the claims given hold), 4 how many claims, then these, then the ids.
 * Meets it one that may not, it deletes nothing. The claim's id is the fencing token: it is compared in the step that deletes.
 */
const DELETE = script(
  `${ENTER}${LET_GO}
local claims, ids, held_by = {}, {}, {}
local first, count = 5 + ARGV[4], 0
local found = {[READY] = {}, [CLAIMED] = {}, [DELAYED] = {}}
for at = 5, first - 1 do claims[ARGV[at]] = true end
for at = first, #ARGV do ids[#ids + 1] = ARGV[at] end
for some in slices(ids) do
  for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do
    if record then
      local available, claim, ends, part = string.match(record, '^%S+ %S+ %S+ %S+ (%S+) %S+ (%S+) (%S+) (%S+)')
      local held = tonumber(ends) > now
      local verdict
      if ARGV[3] == 'free' and held then verdict = 'claimed' end
      if ARGV[3] == 'held' and not held then verdict = 'unclaimed' end
      if ARGV[3] == 'held' and held and not claims[claim] then verdict = 'other' end
      if verdict then return {verdict, ARGV[5] and redis.call('HEXISTS', CLAIMS, ARGV[5]) or 0} end
      local where = found[held and CLAIMED or tonumber(available) > now and DELAYED or READY]
      where[#where + 1] = some[place]
      count = count + 1
      if held and part == 'd' then held_by[claim] = (held_by[claim] or 0) + 1 end
    end
  end
end
for where, here in pairs(found) do remove(here, where) end
for claim, fewer in pairs(held_by) do let_go(claim, fewer) end
return {'ok', count}`,
  "writes",
);

/** Deletes by id. */
export class MessageDeletes {
  readonly #queues: PoolQueues;

  constructor(queues: PoolQueues) {
    this.#queues = queues;
  }

  async deleteOne(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    const { queue, id, claimId } = params;
    const claims = claimId === undefined ? [] : known([claimId]);
    const mode = claimId === undefined ? "free" : "held";
    const values = [mode, String(claims.length), ...claims, ...known([id])];
    const [verdict, count] = await this.#queues.call(queue, DELETE, values);
    if (verdict === "ok") return count === 0 ? "absent" : "deleted";
    const details = { messageId: id };
    if (verdict === "claimed") {
      throw new DomainError(
        "MESSAGE_IS_CLAIMED",
        "This message is claimed; it cannot be deleted without a valid claim id.",
        { details },
      );
    }
    if (verdict === "unclaimed") {
      throw new DomainError("MESSAGE_NOT_CLAIMED", "A claim was specified, but nobody holds this message now.", {
        details,
      });
    }
    throw claims.length > 0 && count === 1
      ? new DomainError("MESSAGE_NOT_CLAIMED_BY", "Another claim holds this message.", { details })
      : new DomainError("CLAIM_DOES_NOT_EXIST", "The specified claim does not exist or has expired.", { details });
  }

  async deleteMany(params: { queue: QueueRef; ids: readonly string[]; claimIds?: readonly string[] }): Promise<number> {
    const claims = known(params.claimIds ?? []);
    const mode = params.claimIds === undefined ? "any" : "held";
    const values = [mode, String(claims.length), ...claims, ...new Set(known(params.ids))];
    const [verdict, count] = await this.#queues.call(params.queue, DELETE, values);
    if (verdict === "ok") return count as number;
    throw new DomainError(
      "MESSAGE_NOT_CLAIMED_BY",
      "Not all of these messages are held by the claims given. Nothing was deleted.",
    );
  }
}

/** Those that are ids at all, in the spelling of the keys. */
export function known(ids: readonly string[]): string[] {
  return ids.map(normaliseUuid).filter((id) => id !== null);
}
