import { hasCode } from "../../../errors.ts";
import type { MessageController } from "../../data-driver.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { epochOf, isMoving, type QueueRows, queueDoesNotExist, staleEpoch } from "../queue-rows.ts";
import { script } from "../server/scripts.ts";
import { APPEND, DECREMENT_HELD, ENTER, QUEUE_KEYS, RECORD } from "../server/shared-lua.ts";
import type { MessageDeleter } from "./delete.ts";
import { ADOPT_FIELDS, type MessageInserter } from "./insert.ts";

/** What a claim holds of the ids from `first` on, in the order of the queue: marker, then what `append` takes of each. */
const HELD = `
local function held_of(first, claim_id, new_ttl)
  local held = {}
  for at = first, #ARGV do
    local record = redis.call('HGET', RECORDS, ARGV[at])
    if record then
      local marker, _, expires, ttl, _, _, claim, ends, part, client = read_record(record)
      if claim == claim_id and tonumber(ends) > now then
        if new_ttl ~= '' then
          ttl = new_ttl
          expires = now + new_ttl * 1000000
        end
        local body = redis.call('HGET', BODIES, ARGV[at])
        held[#held + 1] = {marker = tonumber(marker), part = part, message = {ARGV[at], tonumber(expires), ttl, 0, client, body}}
      end
    end
  end
  table.sort(held, function(one, other) return one.marker < other.marker end)
  return held
end
`;

/** ARGV: 3 the target's epoch, 4 claim, 5 ttl or nothing, then the ids. The target's keys follow the source's. A copy that is there already stays as it is. */
const TRANSFER = script(
  `${ENTER}${RECORD}${DECREMENT_HELD}${APPEND}${HELD}
local target_row = redis.call('HMGET', KEYS[${QUEUE_KEYS + 1}], 'epoch', 'last', 'next', 'moving')
local target = target_row[1]
if not target then return {'target missing'} end
if ARGV[3] ~= '' and ARGV[3] ~= target then return {'target stale'} end
if target_row[4] and redis.call('HEXISTS', KEYS[${QUEUE_KEYS + 1}], 'frozen') == 1 then return {'target moving'} end
local ids, messages, delivered = {}, {}, 0
local held = held_of(6, ARGV[4], ARGV[5])
for place, one in ipairs(held) do
  ids[place] = one.message[1]
  if one.part == 'd' then delivered = delivered + 1 end
end
if #ids == 0 then return {'ok', 0} end
remove(ids, CLAIMED)
for place, id in ipairs(ids) do
  local copy = redis.call('HGET', KEYS[${QUEUE_KEYS + 7}], id)
  local there = copy and tonumber((select(3, read_record(copy)))) > now
  if copy and not there then
    -- It has expired, and nobody has settled that yet.
    redis.call('ZREM', KEYS[${QUEUE_KEYS + 4}], id)
    redis.call('ZREM', KEYS[${QUEUE_KEYS + 5}], id)
  end
  if not there then messages[#messages + 1] = held[place].message end
end
if delivered > 0 then let_go({[ARGV[4]] = delivered}) end
if #messages > 0 then append(${QUEUE_KEYS}, messages, target_row[2], target_row[3]) end
return {'ok', #ids}`,
  "grows",
);

/** ARGV: 3 claim, 4 ttl or nothing, then the ids. Gives what ADOPT takes: only durations travel. */
const COPY = script(
  `${ENTER}${RECORD}${HELD}
local copies = {}
for _, one in ipairs(held_of(5, ARGV[3], ARGV[4])) do
  local id, expires, ttl, _, client, body = unpack(one.message)
  for _, value in ipairs({id, digits(expires - now), ttl, client, body}) do copies[#copies + 1] = value end
end
return {'ok', copies}`,
  "reads",
);

type Transfer = Parameters<MessageController["transfer"]>[0];

/** Moves messages between queues: the way to the dead letter queue. */
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
    const ttl = params.ttlSeconds === null ? "" : String(params.ttlSeconds);
    const { keys, scripts } = this.#queues;
    const targetKeys = keys.queue(to);
    if (scripts.link.isCluster && targetKeys.at(-1) !== keys.queue(from).at(-1)) {
      return this.#copyThenDelete({ from, to, ids, claimId, ttl });
    }
    const [verdict, moved] = await this.#queues.call(from, TRANSFER, [epochOf(to), claimId, ttl, ...ids], {
      moreKeys: targetKeys,
    });
    if (verdict === "target moving") throw isMoving(to);
    if (verdict !== "ok") throw verdict === "target stale" ? staleEpoch(to) : queueDoesNotExist(to);
    this.#arrivals.tell(to, moved as number);
    return moved as number;
  }

  /**
   * The two queues may be on two servers of the cluster. A crash in between leaves both until the claim lapses; the next move finds the
   * copies there and does not copy again. When the claim has lapsed meanwhile, the originals stay and 0 is given.
   */
  async #copyThenDelete(move: { from: QueueRef; to: QueueRef; ids: string[]; claimId: string; ttl: string }) {
    const { from, to, ids, claimId, ttl } = move;
    const [, copied] = await this.#queues.call(from, COPY, [claimId, ttl, ...ids]);
    const copies = copied as string[];
    await this.#posts.append(to, copies);
    const held = copies.filter((_, index) => index % ADOPT_FIELDS === 0);
    if (held.length === 0) return 0;
    try {
      return await this.#deletes.deleteMany({ queue: from, ids: held, claimIds: [claimId] });
    } catch (error) {
      if (hasCode(error, "MESSAGE_NOT_CLAIMED_BY")) return 0;
      throw error;
    }
  }
}
