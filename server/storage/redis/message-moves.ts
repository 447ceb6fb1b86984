import { hasCode } from "../../errors.ts";
import type { MessageController } from "../data-driver.ts";
import { normaliseUuid } from "../list-markers.ts";
import type { Arrivals } from "./arrivals.ts";
import { known } from "./message-deletes.ts";
import { epochOf, type PoolQueues } from "./pool-queues.ts";
import { script } from "./scripts.ts";
import { APPEND, ENTER, LET_GO, RECORD } from "./shared-lua.ts";

/** ARGV: 3 the target's epoch, 4 claim, 5 ttl or nothing, then the ids. The target's 16 keys follow the source's. A copy that is there already stays as it is. */
const TRANSFER = script(
  `${ENTER}${RECORD}${LET_GO}${APPEND}
local target = redis.call('HGET', KEYS[17], 'epoch')
if not target then return {'target missing'} end
if ARGV[3] ~= '' and ARGV[3] ~= target then return {'target stale'} end
local held = {}
local delivered = 0
for at = 6, #ARGV do
  local record = redis.call('HGET', RECORDS, ARGV[at])
  if record then
    local marker, _, expires, ttl, _, _, claim, ends, part, client = read_record(record)
    if claim == ARGV[4] and tonumber(ends) > now then
      if ARGV[5] ~= '' then
        ttl = ARGV[5]
        expires = now + ARGV[5] * 1000000
      end
      held[#held + 1] = {tonumber(marker), {ARGV[at], tonumber(expires), ttl, 0, client, redis.call('HGET', BODIES, ARGV[at])}}
      if part == 'd' then delivered = delivered + 1 end
    end
  end
end
if #held == 0 then return {'ok', 0} end
table.sort(held, function(one, other) return one[1] < other[1] end)
local ids, messages = {}, {}
for place, message in ipairs(held) do ids[place] = message[2][1] end
remove(ids)
for place, id in ipairs(ids) do
  local copy = redis.call('HGET', KEYS[23], id)
  local there = copy and tonumber((select(3, read_record(copy)))) > now
  if copy and not there then
    -- It has expired, and nobody has settled that yet.
    redis.call('ZREM', KEYS[20], id)
    redis.call('ZREM', KEYS[21], id)
  end
  if not there then messages[#messages + 1] = held[place][2] end
end
if delivered > 0 then let_go(ARGV[4], delivered) end
if #messages > 0 then append(16, messages) end
return {'ok', #ids}`,
  "grows",
);

type Transfer = Parameters<MessageController["transfer"]>[0];

/** Moves messages between queues: the way to the dead letter queue. */
export class MessageMoves {
  readonly #queues: PoolQueues;
  readonly #arrivals: Arrivals;
  readonly #messages: Pick<MessageController, "bulkGet" | "adopt" | "bulkDelete">;

  constructor(
    queues: PoolQueues,
    arrivals: Arrivals,
    messages: Pick<MessageController, "bulkGet" | "adopt" | "bulkDelete">,
  ) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#messages = messages;
  }

  async transfer(params: Transfer): Promise<number> {
    const { from, to, claimId: claim, ttlSeconds } = params;
    const claimId = normaliseUuid(claim);
    const ids = [...new Set(known(params.ids))];
    if (ids.length === 0 || claimId === null) return 0;
    const { keys, scripts } = this.#queues;
    const targetKeys = keys.queue(to);
    if (scripts.link.isCluster && targetKeys.at(-1) !== keys.queue(from).at(-1)) {
      return this.#copyThenDelete({ ...params, ids, claimId });
    }
    const values = [epochOf(to), claimId, ttlSeconds === null ? "" : String(ttlSeconds), ...ids];
    const [verdict, moved] = await this.#queues.call(from, TRANSFER, values, targetKeys);
    // Says which of the two errors it is.
    if (verdict !== "ok") await this.#messages.bulkGet({ queue: to, ids: [] });
    if (verdict !== "ok") return this.transfer(params);
    this.#arrivals.tell(to, moved as number);
    return moved as number;
  }

  /**
   * The two queues may be on two servers of the cluster. A crash in between leaves both until the claim lapses; the next move finds the
   * copies there and does not copy again. When the claim has lapsed meanwhile, the originals stay and 0 is given.
   */
  async #copyThenDelete({ from, to, ids, claimId, ttlSeconds }: Transfer): Promise<number> {
    const found = await this.#messages.bulkGet({ queue: from, ids });
    const held = found.filter((message) => message.claim?.id === claimId).sort(byMarker);
    await this.#messages.adopt({ queue: to, messages: held, ttlSeconds });
    if (held.length === 0) return 0;
    try {
      return await this.#messages.bulkDelete({ queue: from, ids: held.map(({ id }) => id), claimIds: [claimId] });
    } catch (error) {
      if (hasCode(error, "MESSAGE_NOT_CLAIMED_BY")) return 0;
      throw error;
    }
  }
}

const byMarker = (one: { marker: string }, other: { marker: string }) => Number(one.marker) - Number(other.marker);
