import { MAX_CARRIED_BYTES, type Message, type MessageController } from "../../data-driver.ts";
import { isMoving, queueDoesNotExist, staleEpoch } from "../../errors/storage-errors.ts";
import { keyReused } from "../../idempotency.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import { type TransferKind, tallyOf } from "../../messages/transfer-kind.ts";
import { transferDigest, transferInSteps } from "../../messages/transfer-steps.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import { DECREMENT_HELD } from "../claims/records.ts";
import { KEPT_KEYS, KEPT_PARTS } from "../kept-keys-lua.ts";
import { QUEUE_PARTS } from "../keys.ts";
import { CALL, ENTER, LIFE, QUEUE, REMOVE, TELL } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type AnswerOf, answers, piece, script, table } from "../server/script.ts";
import { list, optionalNumeral, optionalText, optionalWord, text } from "../server/script-parameters.ts";
import { CLOCK } from "../server/shared-lua.ts";
import { type Adopted, APPEND, type MessageInserter } from "./insert.ts";
import { RECORD, readMessageFields, readMessages, readWord } from "./records.ts";

/**
 * `find_chosen` returns those of the messages that the claim holds, or without one (`-`) those that no live claim
 * holds, in the order of the queue: the marker, the part in the claim, and the message as `append` takes it. With a
 * `ttl`, in seconds, they live that long from now on. `dead_from`: the queue from which they come as dead letters.
 * `skipped` are left out. Ends early, because of bytes: also returns how many of the ids that covers.
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
local function find_chosen(skipped)
  local chosen, bytes, covered = {}, 0, #ids
  for index, id in ipairs(ids) do
    local record = not skipped[id] and redis.call('HGET', RECORDS, id)
    if record then
      record = read_record(record)
      local is_live = tonumber(record.ends) > now
      if claim == '-' and not is_live or is_live and '+' .. record.claim == claim then
        local available, body = available_at(record), redis.call('HGET', BODIES, id)
        bytes = bytes + size_of(body)
        if #chosen > 0 and bytes > ${MAX_CARRIED_BYTES} then
          covered = index - 1
          break
        end
        chosen[#chosen + 1] = {marker = tonumber(record.marker), part = record.part, record = record, message = {
          id = id,
          expires = ttl and now + ttl * 1000000 or tonumber(record.expires),
          ttl = ttl or record.ttl,
          available = available > now and available or 0,
          client = record.client,
          more = fields_to_keep(record),
          body = body
        }}
      end
    end
  end
  table.sort(chosen, function(one, other) return one.marker < other.marker end)
  return chosen, covered
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
  args: {
    ...CALL,
    targetEpoch: optionalNumeral,
    fromName: optionalWord,
    toName: optionalWord,
    idempotencyKey: optionalText,
    digest: text,
    ...CHOSEN_ARGS,
  },
  uses: [LIFE, ENTER, TELL, REMOVE, RECORD, CHOSEN, DECREMENT_HELD, APPEND, KEPT_KEYS, KEPT_PARTS],
  answers: answers<
    | ["target missing"]
    | ["target stale"]
    | ["target moving"]
    | ["reused"]
    | ["ok", moved: string[], appended: number, covered: number, before: string[]]
  >(),
  lua: `
local epoch_there, last_there, next_there, moving_there, history_there =
  unpack(redis.call('HMGET', target.row, 'life', 'last', 'next', 'moving', 'history'))
epoch_there = epoch_there or epoch_in(target.row)
if not epoch_there then return {'target missing'} end
if target_epoch and target_epoch ~= epoch_there then return {'target stale'} end
if moving_there and redis.call('HEXISTS', target.row, 'frozen') == 1 then return {'target moving'} end
local before, is_kept, next_key = kept_parts(idempotency_key, digest)
if not before then return {'reused'} end
local moved, messages, delivered = {}, {}, 0
local chosen, covered = find_chosen(is_kept)
for index, one in ipairs(chosen) do
  moved[index] = one.message.id
  if claim ~= '-' and one.part == 'd' then delivered = delivered + 1 end
end
if #moved == 0 then return {'ok', moved, 0, covered, before} end
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
if next_key then keep(next_key, digest, table.concat(moved, ' ')) end
return {'ok', moved, #messages, covered, before}`,
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
local copies = {}
for index, one in ipairs((find_chosen({}))) do
  local message, record = one.message, one.record
  record.more = (message.available > 0 and ' available=' .. digits(message.available) or '') .. message.more
  copies[index] = {message.id, write_record(record), message.body, message.more}
end
return {'ok', NOW, copies}`,
});

type Transfer = Parameters<MessageController["transfer"]>[0];
type Copy = Parameters<MessageController["copy"]>[0];
type Copies = [now: string, copies: [id: string, record: string, body: string, more: string][]];

/** Moves messages to another queue, such as the dead letter queue. */
export class MessageMoves {
  readonly #queues: QueueRows;
  readonly #arrivals: Arrivals;
  readonly #posts: MessageInserter;
  readonly #steps: Pick<MessageController, "hold" | "removeCopied">;

  constructor(
    queues: QueueRows,
    arrivals: Arrivals,
    { posts, ...steps }: { posts: MessageInserter } & Pick<MessageController, "hold" | "removeCopied">,
  ) {
    this.#queues = queues;
    this.#arrivals = arrivals;
    this.#posts = posts;
    this.#steps = steps;
  }

  async transfer(params: Transfer): Promise<string[]> {
    const { from, to, as, idempotencyKey } = params;
    const claim = params.claimId === null ? null : normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (ids.length === 0 || (claim === null && params.claimId !== null)) return [];
    const { keys, scripts } = this.#queues;
    const target = keys.queue(to);
    if (scripts.link.isCluster && target.at(-1) !== keys.queue(from).at(-1)) return this.#transferInSteps(params);
    const request = {
      ...{ claim, ttl: params.ttlSeconds, deadFrom: deadFrom(from, as) },
      ...{ targetEpoch: to.epoch, fromName: from.name, toName: to.name },
      ...{ idempotencyKey, digest: transferDigest(from.name, to.name) },
    };
    const all = new Set<string>();
    for (let rest = ids; rest.length > 0; ) {
      const answer: AnswerOf<typeof TRANSFER> = await this.#queues.call(
        from,
        TRANSFER,
        { ...request, ids: rest },
        { keys: { target } },
      );
      if (answer[0] === "target missing") throw queueDoesNotExist(to);
      if (answer[0] === "target stale") throw staleEpoch(to);
      if (answer[0] === "target moving") throw isMoving(to);
      if (answer[0] === "reused") throw keyReused(idempotencyKey ?? "");
      const [, moved, appended, covered, before] = answer;
      this.#queues.counters.add(from, tallyOf(as), moved.length);
      this.#queues.counters.add(to, "posted", appended);
      this.#arrivals.tell(to, moved.length);
      for (const id of [...before, ...moved]) all.add(id);
      rest = rest.slice(covered);
    }
    return [...all];
  }

  async copy({ queue, ...params }: Parameters<MessageController["copy"]>[0]): Promise<Message[]> {
    const [now, copies] = await this.#copies(queue, params, null);
    return copies.flatMap(([id, record, body]) => readMessages([id, record, body], now));
  }

  async #copies(queue: QueueRef, { as, ...params }: Omit<Copy, "queue">, ttl: number | null): Promise<Copies> {
    const claim = normaliseUuid(params.claimId);
    const ids = [...new Set(validUuids(params.ids))];
    if (ids.length === 0 || claim === null) return ["0", []];
    const [, now, copies] = await this.#queues.call(queue, COPY, { claim, ids, ttl, deadFrom: deadFrom(queue, as) });
    return [now, copies];
  }

  /**
   * For queues on different servers of a cluster. Times are sent as durations, because the clocks of the two servers
   * may differ.
   */
  #transferInSteps(params: Transfer): Promise<string[]> {
    const { from, to, as, ttlSeconds: ttl, idempotencyKey } = params;
    return transferInSteps<Adopted>(params, {
      hold: (ids, holdId, seconds) => this.#steps.hold({ queue: from, ids, holdId, seconds }),
      copy: async (ids, claimId) => {
        const [now, copies] = await this.#copies(from, { ids, claimId, as }, ttl);
        return copies.map(([id, record, body, more]) => {
          const { expires, ttl: own, client, available = "0" } = readMessageFields(record);
          return {
            ...{ id, more, body, client: readWord(client), ttl: ttl ?? Number(own) },
            remaining: ttl === null ? Number(expires) - Number(now) : ttl * 1_000_000,
            delay: Math.max(0, Number(available) - Number(now)),
          };
        });
      },
      adopt: (copies) => this.#posts.append(to, copies, { from: from.name, idempotencyKey }),
      remove: (ids, claimId) => this.#steps.removeCopied({ queue: from, ids, claimId, as }),
    });
  }
}

/** The queue from which the messages of a call come as dead letters. */
const deadFrom = ({ name }: QueueRef, as: TransferKind) => (as === "deadLetter" ? name : null);
