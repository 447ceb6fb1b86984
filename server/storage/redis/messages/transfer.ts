import { hasCode } from "../../../errors.ts";
import type { MessageController } from "../../data-driver.ts";
import { isMoving, queueDoesNotExist, staleEpoch } from "../../errors/storage-errors.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { DECREMENT_HELD } from "../claims/records.ts";
import { QUEUE_PARTS } from "../keys.ts";
import { CALL, ENTER, QUEUE, REMOVE } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { answers, piece, script, table } from "../server/script.ts";
import { list, optionalNumeral, text } from "../server/script-parameters.ts";
import { CLOCK } from "../server/shared-lua.ts";
import type { MessageDeleter } from "./delete.ts";
import { APPEND, type MessageInserter } from "./insert.ts";
import { RECORD, readOptional } from "./records.ts";

/**
 * `find_held` returns those of the messages that the claim holds, in the order of the queue: the marker, the part in
 * the claim, and the message as `append` takes it. With a `ttl`, in seconds, they live that long from now on.
 */
const HELD = piece(
  "the messages to transfer",
  { pieces: [CLOCK, RECORD], keys: ["RECORDS", "BODIES"], args: ["claim", "ttl", "ids"] },
  `
local function find_held()
  local held = {}
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', RECORDS, id)
    if record then
      local marker, _, expires, old_ttl, _, _, holder, ends, part, client = read_record(record)
      if holder == claim and tonumber(ends) > now then
        held[#held + 1] = {marker = tonumber(marker), part = part, message = {
          id = id,
          expires = ttl and now + ttl * 1000000 or tonumber(expires),
          ttl = ttl or old_ttl,
          available = 0,
          client = client,
          body = redis.call('HGET', BODIES, id)
        }}
      end
    end
  end
  table.sort(held, function(one, other) return one.marker < other.marker end)
  return held
end
`,
);

const HELD_ARGS = { claim: text, ttl: optionalNumeral, ids: list(text) };

/**
 * Transfers messages in one step, between queues on the same server. A copy that the target already has stays as it is.
 */
const TRANSFER = script("transfer messages", {
  effect: "grows",
  keys: { ...QUEUE, target: table(QUEUE_PARTS) },
  args: { ...CALL, targetEpoch: optionalNumeral, ...HELD_ARGS },
  uses: [ENTER, REMOVE, HELD, DECREMENT_HELD, APPEND],
  answers: answers<
    ["target missing"] | ["target stale"] | ["target moving"] | ["ok", moved: number, appended: number]
  >(),
  lua: `
local epoch_there, last_there, next_there, moving_there =
  unpack(redis.call('HMGET', target.row, 'epoch', 'last', 'next', 'moving'))
if not epoch_there then return {'target missing'} end
if target_epoch and target_epoch ~= epoch_there then return {'target stale'} end
if moving_there and redis.call('HEXISTS', target.row, 'frozen') == 1 then return {'target moving'} end
local moved, messages, delivered = {}, {}, 0
local held = find_held()
for index, one in ipairs(held) do
  moved[index] = one.message.id
  if one.part == 'd' then delivered = delivered + 1 end
end
if #moved == 0 then return {'ok', 0, 0} end
remove(moved, CLAIMED)
for index, id in ipairs(moved) do
  local copy = redis.call('HGET', target.records, id)
  local there = copy and tonumber((select(3, read_record(copy)))) > now
  if copy and not there then
    -- The copy has expired, and no call has removed it yet.
    redis.call('ZREM', target.delayed, id)
    redis.call('ZREM', target.claimed, id)
  end
  if not there then messages[#messages + 1] = held[index].message end
end
if delivered > 0 then decrement_held({[claim] = delivered}) end
if #messages > 0 then append(target, messages, last_there, next_there) end
return {'ok', #moved, #messages}`,
});

/**
 * Returns the messages for the server of the other queue. Times are sent as durations, because the clocks of the two
 * servers may differ.
 */
const COPY = script("copy messages", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, ...HELD_ARGS },
  uses: [ENTER, HELD],
  answers: answers<["ok", copies: [id: string, remaining: string, ttl: string, client: string, body: string][]]>(),
  lua: `
local copies = {}
for index, one in ipairs(find_held()) do
  local message = one.message
  copies[index] = {message.id, digits(message.expires - now), message.ttl, message.client, message.body}
end
return {'ok', copies}`,
});

type Transfer = Parameters<MessageController["transfer"]>[0];

/** Moves messages to another queue, such as the dead letter queue. */
export class MessageMoves {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #posts: MessageInserter;
  readonly #deletes: MessageDeleter;

  constructor(queues: QueueRows, arrivals: Arrivals, posts: MessageInserter, deletes: MessageDeleter) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#posts = posts;
    this.#deletes = deletes;
  }

  async transfer(params: Transfer): Promise<number> {
    const { from, to } = params;
    const claimId = normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (ids.length === 0 || claimId === null) return 0;
    const args = { claim: claimId, ttl: params.ttlSeconds, ids };
    const { keys, scripts } = this.#queues;
    const target = keys.queue(to);
    if (scripts.link.isCluster && target.at(-1) !== keys.queue(from).at(-1)) {
      return this.#copyThenDelete(from, to, args);
    }
    const answer = await this.#queues.call(from, TRANSFER, { ...args, targetEpoch: to.epoch }, { keys: { target } });
    if (answer[0] === "target missing") throw queueDoesNotExist(to);
    if (answer[0] === "target stale") throw staleEpoch(to);
    if (answer[0] === "target moving") throw isMoving(to);
    const [, moved, appended] = answer;
    this.#queues.counters.add(from, "deadLettered", moved);
    this.#queues.counters.add(to, "posted", appended);
    this.#arrivals.tell(to, moved);
    return moved;
  }

  /**
   * For queues on different servers of a cluster. A crash after the copy leaves both messages until the claim ends. The
   * next transfer finds the copies and does not copy again. If the claim ends before the originals are deleted, they
   * stay and the result is 0.
   */
  async #copyThenDelete(
    from: QueueRef,
    to: QueueRef,
    args: { claim: string; ttl: number | null; ids: readonly string[] },
  ): Promise<number> {
    const [, copies] = await this.#queues.call(from, COPY, args);
    const adopted = copies.map(([id, remaining, ttl, client, body]) => ({
      id,
      remaining: Number(remaining),
      ttl: Number(ttl),
      client: readOptional(client),
      body,
    }));
    await this.#posts.append(to, adopted);
    const held = adopted.map(({ id }) => id);
    if (held.length === 0) return 0;
    try {
      return await this.#deletes.deleteMany({ queue: from, ids: held, claimIds: [args.claim], deadLettered: true });
    } catch (error) {
      if (hasCode(error, "MESSAGE_NOT_CLAIMED_BY")) return 0;
      throw error;
    }
  }
}
