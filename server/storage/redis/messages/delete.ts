import type { DeleteOutcome, MessageController } from "../../data-driver.ts";
import {
  anotherClaimHolds,
  claimDoesNotExist,
  messageIsClaimed,
  messageIsNotClaimed,
  messagesAreClaimed,
  messagesAreNotHeld,
} from "../../delete-errors.ts";
import { validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { epochOf, type QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { script } from "../server/scripts.ts";
import { DECREMENT_HELD, ENTER } from "../server/shared-lua.ts";

/** Ids in deletions that share a script, claims among them. */
const MAX_IDS = 500;

/**
 * ARGV: 3 and on, for each request: what may be deleted (any; free: what nobody holds; held: what the claims given
 * hold), how many claims and how many ids, then these. A request that meets one that it may not, deletes nothing. What
 * an earlier request of the script deletes is gone for the later ones. The claim's id is the fencing token: it is
 * compared in the step that deletes. Answers a verdict for each, and a number or, where a claim is in the way, the ids
 * of what is claimed.
 */
const DELETE = script(
  `${ENTER}${DECREMENT_HELD}
local requests, ids = {}, {}
local at = 3
while at <= #ARGV do
  local request = {mode = ARGV[at], claim = false, claims = {}, first = #ids + 1}
  local claims_end = at + 2 + ARGV[at + 1]
  local ids_end = claims_end + ARGV[at + 2]
  for place = at + 3, claims_end do
    request.claim = request.claim or ARGV[place]
    request.claims[ARGV[place]] = true
  end
  for place = claims_end + 1, ids_end do ids[#ids + 1] = ARGV[place] end
  request.last = #ids
  requests[#requests + 1] = request
  at = ids_end + 1
end
local records = {}
for some, first in slices(ids) do
  for place, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do records[first + place - 1] = record end
end
local doomed, found, held_by, answers = {}, {[READY] = {}, [CLAIMED] = {}, [DELAYED] = {}}, {}, {}
local function judge(request)
  local mine, claimed = {}, {}
  for place = request.first, request.last do
    local record = records[place]
    if record and not doomed[ids[place]] then
      local available, claim, ends, part = string.match(record, '^%S+ %S+ %S+ %S+ (%S+) %S+ (%S+) (%S+) (%S+)')
      local held = tonumber(ends) > now
      local verdict
      if request.mode == 'free' and held then claimed[#claimed + 1] = ids[place] end
      if request.mode == 'held' and not held then verdict = 'unclaimed' end
      if request.mode == 'held' and held and not request.claims[claim] then verdict = 'other' end
      if verdict then return {verdict, request.claim and redis.call('HEXISTS', CLAIMS, request.claim) or 0} end
      local where = held and CLAIMED or tonumber(available) > now and DELAYED or READY
      mine[#mine + 1] = {ids[place], where, held and part == 'd' and claim}
    end
  end
  if #claimed > 0 then return {'claimed', claimed} end
  for _, message in ipairs(mine) do
    local id, where, claim = unpack(message)
    doomed[id] = true
    table.insert(found[where], id)
    if claim then held_by[claim] = (held_by[claim] or 0) + 1 end
  end
  return {'ok', #mine}
end
for place, request in ipairs(requests) do answers[place] = judge(request) end
for where, here in pairs(found) do remove(here, where) end
let_go(held_by)
return {'ok', answers}`,
  "writes",
);

type Verdict = "ok" | "claimed" | "unclaimed" | "other";
/**
 * With "ok" how many were deleted; with "other" whether the first of the claims given is live; with "claimed" the ids
 * of what is.
 */
type Answer = [verdict: Exclude<Verdict, "claimed">, number: number] | [verdict: "claimed", ids: readonly string[]];

interface Request {
  queue: QueueRef;
  values: readonly string[];
}

/** Deletes by id; deletions from one queue that are in flight together share a script. */
export class MessageDeleter {
  readonly #queues: QueueRows;
  readonly #shared: BatchExecutor<Request, Answer>;

  constructor(queues: QueueRows) {
    this.#queues = queues;
    this.#shared = new BatchExecutor<Request, Answer>({
      maxWeight: MAX_IDS,
      send: async (requests) => {
        const { queue } = requests[0] as Request;
        const [, answers] = await queues.call(
          queue,
          DELETE,
          requests.flatMap(({ values }) => values),
        );
        return answers as unknown as Answer[];
      },
    });
  }

  async deleteOne(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    const { queue, id, claimId } = params;
    const claims = claimId === undefined ? [] : validUuids([claimId]);
    if (claimId !== undefined && claims.length === 0) throw claimDoesNotExist(id);
    const mode = claimId === undefined ? "free" : "held";
    const [verdict, count] = await this.#submit(queue, mode, claims, validUuids([id]));
    if (verdict === "ok") return count === 0 ? "absent" : "deleted";
    if (verdict === "claimed") throw messageIsClaimed(id);
    if (verdict === "unclaimed") throw messageIsNotClaimed(id);
    throw count === 1 ? anotherClaimHolds(id) : claimDoesNotExist(id);
  }

  async deleteMany(params: Parameters<MessageController["bulkDelete"]>[0]): Promise<number> {
    const claims = validUuids(params.claimIds ?? []);
    const mode = params.claimIds !== undefined ? "held" : params.spareClaimed === true ? "free" : "any";
    const [verdict, found] = await this.#submit(params.queue, mode, claims, [...new Set(validUuids(params.ids))]);
    if (verdict === "ok") return found;
    throw verdict === "claimed" ? messagesAreClaimed(found) : messagesAreNotHeld();
  }

  async #submit(queue: QueueRef, mode: string, claims: readonly string[], ids: readonly string[]): Promise<Answer> {
    const { scripts, keys } = this.#queues;
    const values = [mode, String(claims.length), String(ids.length), ...claims, ...ids];
    scripts.calls.begin();
    try {
      // Those that share a script must mean the same life of the queue.
      const line = `${epochOf(queue)} ${keys.queue(queue)[0]}`;
      return await this.#shared.submit(line, { queue, values }, 1 + claims.length + ids.length);
    } finally {
      scripts.calls.end();
    }
  }
}
