import type { DeleteOutcome, MessageController } from "../../data-driver.ts";
import {
  anotherClaimHolds,
  claimDoesNotExist,
  messageIsClaimed,
  messageIsNotClaimed,
  messagesAreClaimed,
  messagesAreNotHeld,
} from "../../errors/delete-errors.ts";
import { validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { DECREMENT_HELD } from "../claims/records.ts";
import { CONTENT_PARTS } from "../keys.ts";
import { CALL, ENTER, QUEUE, REMOVE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { BatchExecutor } from "../server/batch-executor.ts";
import { type ArgsOf, answers, script, table } from "../server/script.ts";
import { list, records, text } from "../server/script-parameters.ts";
import { KEEP_DELETED } from "../undo/lua.ts";
import { RECORD } from "./records.ts";

/** Deletions that share a script name at most this many ids, those of claims included. */
const MAX_IDS = 500;

/**
 * `mode` says what a request may delete: `any` message; `free`: messages that no live claim holds; `spared`: the same,
 * and claimed ones stay; `held`: messages that its claims hold. If one message may not be deleted, its request deletes
 * nothing. For the later requests of a script, messages that an earlier one deletes no longer exist. The claim's id is
 * the fencing token: the step that deletes compares it.
 */
const deleteLua = (keep = "") => `
local ids, records = {}, {}
for _, request in ipairs(requests) do
  request.first = #ids + 1
  for _, id in ipairs(request.ids) do ids[#ids + 1] = id end
  request.last = #ids
  request.is_mine = {}
  for _, claim in ipairs(request.claims) do request.is_mine[claim] = true end
end
for some, first in slices(ids) do
  for index, record in ipairs(redis.call('HMGET', RECORDS, unpack(some))) do records[first + index - 1] = record end
end
local doomed, found, held_by, results = {}, {[READY] = {}, [CLAIMED] = {}, [DELAYED] = {}}, {}, {}
local function judge(request)
  local mine, claimed, refused, verdict = {}, {}, {}, nil
  for index = request.first, request.last do
    local record = records[index]
    if record and not doomed[ids[index]] then
      local claim, ends, part = claim_of(record)
      local held = tonumber(ends) > now
      local spared = request.mode == 'spared' and held
      if spared or request.mode == 'free' and held then claimed[#claimed + 1] = ids[index] end
      if request.mode == 'held' and not (held and request.is_mine[claim]) then refused[#refused + 1] = ids[index] end
      if request.mode == 'held' and not held then verdict = verdict or 'unclaimed' end
      if request.mode == 'held' and held and not request.is_mine[claim] then verdict = 'other' end
      local set = held and CLAIMED or available_at(read_record(record)) > now and DELAYED or READY
      if not spared then mine[#mine + 1] = {ids[index], set, held and part == 'd' and claim} end
    end
  end
  if request.mode == 'free' and #claimed > 0 then return {'claimed', claimed} end
  if verdict then
    local first_claim = request.claims[1]
    return {verdict, first_claim and redis.call('HEXISTS', CLAIMS, first_claim) or 0, refused}
  end
  for _, message in ipairs(mine) do
    local id, set, claim = unpack(message)
    doomed[id] = true
    table.insert(found[set], id)
    if claim then held_by[claim] = (held_by[claim] or 0) + 1 end
  end
  return {'ok', #mine, claimed}
end
for index, request in ipairs(requests) do results[index] = judge(request) end
if history then
  local deleted = {}
  for id in pairs(doomed) do deleted[#deleted + 1] = id end
  tell_ended(deleted, 'deleted')
end
${keep}
for set, in_set in pairs(found) do remove(in_set, set) end
decrement_held(held_by)
return {'ok', results}`;

const ARGS = { ...CALL, requests: records({ mode: text, claims: list(text), ids: list(text) }) };

const DELETE = script("delete messages", {
  effect: "writes",
  keys: QUEUE,
  args: ARGS,
  uses: [ENTER, TELL, REMOVE, RECORD, DECREMENT_HELD],
  answers: answers<["ok", results: Result[]]>(),
  lua: deleteLua(),
});

/** Puts the messages away as `away`, so that they can be brought back. For one request alone. */
const DELETE_KEPT = script("delete messages that can be brought back", {
  effect: "writes",
  keys: { ...QUEUE, away: table(CONTENT_PARTS) },
  args: { ...ARGS, undoToken: text },
  uses: [ENTER, TELL, REMOVE, RECORD, DECREMENT_HELD, KEEP_DELETED],
  answers: answers<["ok", results: Result[]]>(),
  lua: deleteLua("for _, in_set in pairs(found) do keep_deleted(in_set, away, 'deleted:' .. undo_token) end"),
});

/**
 * "ok": how many were deleted, and the ids of those that were spared. "unclaimed" and "other": 1 if the first of the
 * given claims is live, else 0, and the ids of messages that the given claims do not hold. "claimed": the ids of
 * messages that live claims hold.
 */
type Result =
  | [verdict: "ok", deleted: number, left: string[]]
  | [verdict: "unclaimed" | "other", claimIsLive: number, ids: readonly string[]]
  | [verdict: "claimed", ids: readonly string[]];

interface Request {
  queue: QueueRef;
  values: ArgsOf<typeof DELETE>["requests"][number];
}

/** Deletes by id. Deletions from one queue that are in flight together share a script. */
export class MessageDeleter {
  readonly #queues: QueueRows;
  readonly #batches: BatchExecutor<Request, Result>;

  constructor(queues: QueueRows) {
    this.#queues = queues;
    this.#batches = new BatchExecutor<Request, Result>({
      maxWeight: MAX_IDS,
      send: async (requests) => {
        const { queue } = requests[0] as Request;
        const [, results] = await queues.call(queue, DELETE, { requests: requests.map(({ values }) => values) });
        results.forEach((result) => {
          if (result[0] === "ok") queues.counters.add(queue, "deleted", result[1]);
        });
        return results;
      },
    });
  }

  async deleteOne(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    const { queue, id, claimId } = params;
    const claims = claimId === undefined ? [] : validUuids([claimId]);
    if (claimId !== undefined && claims.length === 0) throw claimDoesNotExist(id);
    const mode = claimId === undefined ? "free" : "held";
    const [verdict, count] = await this.#submit(queue, { mode, claims, ids: validUuids([id]) });
    if (verdict === "ok") return count === 0 ? "absent" : "deleted";
    if (verdict === "claimed") throw messageIsClaimed(id);
    if (verdict === "unclaimed") throw messageIsNotClaimed(id);
    throw count === 1 ? anotherClaimHolds(id) : claimDoesNotExist(id);
  }

  async deleteMany(
    params: Parameters<MessageController["bulkDelete"]>[0],
  ): ReturnType<MessageController["bulkDelete"]> {
    const { queue, claimed = "delete" } = params;
    const claims = validUuids(params.claimIds ?? []);
    const mode = params.claimIds !== undefined ? "held" : { delete: "any", refuse: "free", spare: "spared" }[claimed];
    const ids = [...new Set(validUuids(params.ids))];
    const request = { mode, claims, ids };
    const [verdict, found, refused] =
      params.undoToken === undefined
        ? await this.#submit(queue, request)
        : await this.#deleteKept(queue, request, params.undoToken);
    if (verdict === "ok") return { deleted: found, left: refused };
    throw verdict === "claimed" ? messagesAreClaimed(found) : messagesAreNotHeld(refused);
  }

  async #deleteKept(queue: QueueRef, request: Request["values"], undoToken: string): Promise<Result> {
    const { keys, counters } = this.#queues;
    const away = keys.retired(keys.row(queue)[0] as string, undoToken, CONTENT_PARTS);
    const args = { requests: [request], undoToken };
    const [, [result]] = await this.#queues.call(queue, DELETE_KEPT, args, { keys: { away } });
    if (result?.[0] === "ok") counters.add(queue, "deleted", result[1]);
    return result as Result;
  }

  async #submit(queue: QueueRef, values: Request["values"]): Promise<Result> {
    const { scripts, keys } = this.#queues;
    scripts.calls.begin();
    try {
      // Deletions that share a script must have the same epoch of the queue.
      const partition = `${queue.epoch} ${keys.row(queue)[0]}`;
      const weight = 1 + values.claims.length + values.ids.length;
      return await this.#batches.submit(partition, { queue, values }, weight);
    } finally {
      scripts.calls.end();
    }
  }
}
