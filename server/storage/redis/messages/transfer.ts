import { DomainError, hasCode } from "../../../errors.ts";
import { MAX_CARRIED_BYTES, type Message, type MessageController } from "../../data-driver.ts";
import { isMoving, queueDoesNotExist, staleEpoch } from "../../errors/storage-errors.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import { type TransferKind, tallyOf } from "../../messages/transfer-kind.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { DECREMENT_HELD } from "../claims/records.ts";
import { QUEUE_PARTS } from "../keys.ts";
import { CALL, ENTER, LIFE, QUEUE, REMOVE, TELL } from "../queue-lua.ts";
import type { CallArgs, QueueRows } from "../queue-rows.ts";
import { type ArgsOf, answers, piece, script, table } from "../server/script.ts";
import { list, optionalNumeral, optionalText, optionalWord, text } from "../server/script-parameters.ts";
import { CLOCK } from "../server/shared-lua.ts";
import type { MessageDeleter } from "./delete.ts";
import { APPEND, type MessageInserter } from "./insert.ts";
import { RECORD, readMessageFields, readMessages, readWord } from "./records.ts";

/**
 * `find_chosen` returns those of the messages that the claim holds, or without one (`-`) those that no live claim
 * holds, in the order of the queue: the marker, the part in the claim, and the message as `append` takes it. With a
 * `ttl`, in seconds, they live that long from now on. `dead_from`: the queue from which they come as dead letters.
 */
const CHOSEN = piece(
  "the messages to transfer",
  { pieces: [CLOCK, RECORD], keys: ["RECORDS", "BODIES"], args: ["claim", "ttl", "dead_from", "ids"] },
  `
local function fields_to_keep(record)
  local more = without(record.more, 'available')
  if dead_from == '-' then return without(more, 'last') end
  local last = string.match(more, ' last=(%S+)') or record.claim
  more = without(string.gsub(more, ' dead_%l+=%S+', ''), 'last')
  return more .. ' dead_from=' .. dead_from .. ' dead_at=' .. NOW .. ' dead_count=' .. record.count ..
    ' dead_holder=' .. record.holder .. ' dead_claim=' .. (last == '${NIL}' and '-' or last)
end
local function find_chosen()
  local chosen = {}
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', RECORDS, id)
    if record then
      record = read_record(record)
      local is_live = tonumber(record.ends) > now
      if claim == '-' and not is_live or is_live and '+' .. record.claim == claim then
        local available = available_at(record)
        chosen[#chosen + 1] = {marker = tonumber(record.marker), part = record.part, record = record, message = {
          id = id,
          expires = ttl and now + ttl * 1000000 or tonumber(record.expires),
          ttl = ttl or record.ttl,
          available = available > now and available or 0,
          client = record.client,
          more = fields_to_keep(record),
          body = redis.call('HGET', BODIES, id)
        }}
      end
    end
  end
  table.sort(chosen, function(one, other) return one.marker < other.marker end)
  return chosen
end
`,
);

const CHOSEN_ARGS = { claim: optionalText, ttl: optionalNumeral, deadFrom: optionalWord, ids: list(text) };

/**
 * Transfers messages in one step, between queues on the same server. A copy that the target already has stays as it is.
 */
const TRANSFER = script("transfer messages", {
  effect: "grows",
  keys: { ...QUEUE, target: table(QUEUE_PARTS) },
  args: { ...CALL, targetEpoch: optionalNumeral, fromName: optionalWord, toName: optionalWord, ...CHOSEN_ARGS },
  uses: [LIFE, ENTER, TELL, REMOVE, RECORD, CHOSEN, DECREMENT_HELD, APPEND],
  answers: answers<
    ["target missing"] | ["target stale"] | ["target moving"] | ["ok", moved: string[], appended: number]
  >(),
  lua: `
local epoch_there, last_there, next_there, moving_there, history_there =
  unpack(redis.call('HMGET', target.row, 'life', 'last', 'next', 'moving', 'history'))
epoch_there = epoch_there or epoch_in(target.row)
if not epoch_there then return {'target missing'} end
if target_epoch and target_epoch ~= epoch_there then return {'target stale'} end
if moving_there and redis.call('HEXISTS', target.row, 'frozen') == 1 then return {'target moving'} end
local moved, messages, delivered = {}, {}, 0
local chosen = find_chosen()
for index, one in ipairs(chosen) do
  moved[index] = one.message.id
  if claim ~= '-' and one.part == 'd' then delivered = delivered + 1 end
end
if #moved == 0 then return {'ok', moved, 0} end
remove(moved, claim ~= '-' and CLAIMED or nil)
for index, id in ipairs(moved) do
  local copy = redis.call('HGET', target.records, id)
  local there = copy and tonumber(read_record(copy).expires) > now
  if copy and not there then
    -- The copy has expired, and no call has removed it yet.
    redis.call('ZREM', target.delayed, id)
    redis.call('ZREM', target.claimed, id)
  end
  if not there then messages[#messages + 1] = chosen[index].message end
end
if delivered > 0 then decrement_held({[string.sub(claim, 2)] = delivered}) end
if #messages > 0 then append(target, messages, last_there, next_there) end
if history then
  local events, kind = {}, dead_from == '-' and 'moved' or 'deadLettered'
  for index, one in ipairs(chosen) do
    events[index] = {one.message.id, kind .. ' at=' .. NOW .. ' count=' .. one.record.count .. ' other=' .. to_name}
  end
  tell(events)
end
if history_there then
  local events = {}
  for index, message in ipairs(messages) do events[index] = {message.id, 'arrived at=' .. NOW .. ' other=' .. from_name} end
  begin_telling()
  tell_in(target.row, target.due, history_there, events)
end
return {'ok', moved, #messages}`,
});

/**
 * Returns the messages as they are to be in another queue, of another server or pool: id, record and body of each, and
 * what the record has beyond RECORD's first ten fields.
 */
const COPY = script("copy messages", {
  effect: "reads",
  keys: QUEUE,
  args: { ...CALL, ...CHOSEN_ARGS },
  uses: [ENTER, RECORD, CHOSEN],
  answers: answers<["ok", now: string, copies: [id: string, record: string, body: string, more: string][]]>(),
  lua: `
local copies, bytes = {}, 0
for index, one in ipairs(find_chosen()) do
  local message, record = one.message, one.record
  bytes = bytes + size_of(message.body)
  if index > 1 and bytes > ${MAX_CARRIED_BYTES} then break end
  record.more = message.more
  copies[index] = {message.id, write_record(record), message.body, message.more}
end
return {'ok', NOW, copies}`,
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

  async transfer(params: Transfer): Promise<string[]> {
    const { from, to, as } = params;
    const claim = params.claimId === null ? null : normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (ids.length === 0 || (claim === null && params.claimId !== null)) return [];
    const args = { claim, ttl: params.ttlSeconds, deadFrom: deadFrom(from, params), ids };
    const { keys, scripts } = this.#queues;
    const target = keys.queue(to);
    if (scripts.link.isCluster && target.at(-1) !== keys.queue(from).at(-1)) {
      if (claim === null) throw new DomainError("NOT_SUPPORTED", "The two queues are on different servers.");
      return this.#copyThenDelete(params, { ...args, claim });
    }
    const answer = await this.#queues.call(
      from,
      TRANSFER,
      { ...args, targetEpoch: to.epoch, fromName: from.name, toName: to.name },
      { keys: { target } },
    );
    if (answer[0] === "target missing") throw queueDoesNotExist(to);
    if (answer[0] === "target stale") throw staleEpoch(to);
    if (answer[0] === "target moving") throw isMoving(to);
    const [, moved, appended] = answer;
    this.#queues.counters.add(from, tallyOf(as), moved.length);
    this.#queues.counters.add(to, "posted", appended);
    this.#arrivals.tell(to, moved.length);
    return moved;
  }

  async copy({ queue, ...params }: Parameters<MessageController["copy"]>[0]): Promise<Message[]> {
    const claim = normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (ids.length === 0 || claim === null) return [];
    const args = { claim, ttl: null, deadFrom: deadFrom(queue, params), ids };
    const [, now, copies] = await this.#queues.call(queue, COPY, args);
    return copies.flatMap(([id, record, body]) => readMessages([id, record, body], now));
  }

  /**
   * For queues on different servers of a cluster. A crash after the copy leaves both messages until the claim ends. The
   * next transfer finds the copies and does not copy again. If the claim ends before the originals are deleted, they
   * stay and are not among the result. Times are sent as durations, because the clocks of the two servers may differ.
   */
  async #copyThenDelete(
    { from, to, as }: Transfer,
    args: Omit<ArgsOf<typeof COPY>, keyof CallArgs> & { claim: string },
  ): Promise<string[]> {
    const moved: string[] = [];
    for (let rest = args.ids; ; ) {
      const [, now, copies] = await this.#queues.call(from, COPY, { ...args, ids: rest });
      const held = copies.map(([id]) => id);
      const last = held.at(-1);
      if (last === undefined) return moved;
      const adopted = copies.map(([id, record, body, more]) => {
        const { expires, ttl, client } = readMessageFields(record);
        const remaining = args.ttl === null ? Number(expires) - Number(now) : Number(args.ttl) * 1_000_000;
        return { id, remaining, ttl: args.ttl ?? Number(ttl), client: readWord(client), more, body };
      });
      await this.#posts.append(to, adopted);
      try {
        await this.#deletes.deleteMany({ queue: from, ids: held, claimIds: [args.claim], transferred: as });
        moved.push(...held);
      } catch (error) {
        if (hasCode(error, "MESSAGE_NOT_CLAIMED_BY")) return moved;
        throw error;
      }
      rest = rest.filter((id) => !held.includes(id));
    }
  }
}

/** The queue from which the messages of a call come as dead letters. */
const deadFrom = ({ name }: QueueRef, { as }: { as: TransferKind }) => (as === "deadLetter" ? name : null);
