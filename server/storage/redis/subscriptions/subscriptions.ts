import { isMoving, queueDoesNotExist, staleEpoch } from "../../errors/storage-errors.ts";
import { isNotSubscribed, isSubscribedAlready, subscriptionDoesNotExist } from "../../errors/subscription-errors.ts";
import { keyReused, subscribeDigest } from "../../idempotency.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { normaliseUuid, pageOf } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Subscription, SubscriptionController } from "../../subscription-controller.ts";
import { uuidV7 } from "../../uuid-v7.ts";
import { idRange } from "../id-range.ts";
import { KEPT_KEYS } from "../kept-keys-lua.ts";
import { KEY_PARTS } from "../keys.ts";
import { QUEUE_ROW } from "../queue-lua.ts";
import type { QueueRows } from "../queue-rows.ts";
import { type ArgsOf, answers, type KeysOf, locals, piece, type Script, script } from "../server/script.ts";
import { flag, number, numeral, optionalNumeral, optionalText, text } from "../server/script-parameters.ts";
import type { Answered } from "../server/scripts.ts";
import {
  REQUIRE_LIVE_SUBSCRIPTIONS,
  readSubscription,
  SUBSCRIPTIONS_OF_QUEUE,
  type SubscriptionParts,
} from "./records.ts";

/**
 * Subscriptions need no live queue here. But the script ends when the row says that the queue is frozen or has moved
 * away.
 */
const REQUIRE_HERE = piece(
  "require a queue that has not moved",
  { keys: ["ROW"] },
  `
local frozen, left = unpack(redis.call('HMGET', ROW, 'frozen', 'left'))
if frozen then return {'moving'} end
if left then return {'stale'} end
`,
);

const ENTER = [REQUIRE_HERE, REQUIRE_LIVE_SUBSCRIPTIONS];
/** The clock's offset in microseconds. */
const CALL = { offset: number };

const LIST = script("list subscriptions", {
  effect: "reads",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, command: text, from: text, to: text, limit: numeral },
  uses: ENTER,
  answers: answers<["ok", now: string, found: SubscriptionParts[]]>(),
  lua: `
local found = {}
for index, id in ipairs(redis.call(command, IDS, from, to, 'LIMIT', 0, limit)) do found[index] = describe(find(id)) end
return {'ok', NOW, found}`,
});

type FoundOne = ["ok", now: string, found: SubscriptionParts | null];

const GET = script("get a subscription", {
  effect: "reads",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, id: text },
  uses: ENTER,
  answers: answers<FoundOne>(),
  lua: "return {'ok', NOW, describe(find(id))}",
});

const GET_WITH_SUBSCRIBER = script("get a subscriber's subscription", {
  effect: "reads",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, subscriber: text },
  uses: ENTER,
  answers: answers<FoundOne>(),
  lua: `
local id = redis.call('HGET', SUBSCRIBERS, subscriber)
return {'ok', NOW, id and describe(find(id)) or false}`,
});

const NEW = { ...CALL, id: text, subscriber: text, ttl: numeral, options: text };

const CREATED = `
if redis.call('HEXISTS', SUBSCRIBERS, subscriber) == 1 then return {'ok', NOW, false} end
local one = {
  id = id, created = NOW, renewed = NOW, ends = digits(now + ttl * 1000000), ttl = ttl, confirmed = '0',
  subscriber = subscriber, options = options
}
write(one)`;

const CREATE = script("create a subscription", {
  effect: "grows",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: NEW,
  uses: ENTER,
  answers: answers<FoundOne>(),
  lua: `${CREATED}
return {'ok', NOW, describe(one)}`,
});

/** A key is kept with the content of its queue, so the queue must live here. */
const CREATE_KEYED = script("create a subscription once", {
  effect: "grows",
  keys: { ...SUBSCRIPTIONS_OF_QUEUE, content: locals(KEY_PARTS) },
  args: { ...NEW, callerEpoch: optionalNumeral, idempotencyKey: optionalText, digest: text },
  uses: [QUEUE_ROW, ...ENTER, KEPT_KEYS],
  answers: answers<FoundOne | ["reused"] | ["repeated", id: string] | ["missing"]>(),
  lua: `
if not epoch then return {'missing'} end
if caller_epoch and caller_epoch ~= epoch then return {'stale'} end
local request, result = kept(idempotency_key)
if request then
  if request ~= digest then return {'reused'} end
  return {'repeated', result}
end
${CREATED}
keep(idempotency_key, digest, id)
return {'ok', NOW, describe(one)}`,
});

/** Fields that are left out stay as they are. */
const UPDATE = script("update a subscription", {
  effect: "grows",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, id: text, subscriber: optionalText, ttl: optionalNumeral, options: optionalText },
  uses: ENTER,
  answers: answers<FoundOne | ["taken"]>(),
  lua: `
local one = find(id)
if not one then return {'ok', NOW, false} end
if subscriber ~= '-' then
  local new = string.sub(subscriber, 2)
  local holder = redis.call('HGET', SUBSCRIBERS, new)
  if holder and holder ~= id then return {'taken'} end
  redis.call('HDEL', SUBSCRIBERS, one.subscriber)
  one.subscriber = new
end
if ttl then
  one.renewed, one.ttl = NOW, ttl
  one.ends = digits(now + ttl * 1000000)
end
if options ~= '-' then one.options = string.sub(options, 2) end
write(one)
return {'ok', NOW, describe(one)}`,
});

const CONFIRM = script("confirm a subscription", {
  effect: "writes",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, id: text, confirmed: flag },
  uses: ENTER,
  answers: answers<FoundOne>(),
  lua: `
local one = find(id)
if not one then return {'ok', NOW, false} end
one.confirmed = confirmed and '1' or '0'
write(one)
return {'ok', NOW, describe(one)}`,
});

const DELETE = script("delete a subscription", {
  effect: "writes",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: { ...CALL, id: text },
  uses: ENTER,
  answers: answers<["ok", removed: 0 | 1]>(),
  lua: `
local one = find(id)
if one then remove(one) end
return {'ok', one and 1 or 0}`,
});

const DELETE_ALL = script("delete all subscriptions", {
  effect: "writes",
  keys: SUBSCRIPTIONS_OF_QUEUE,
  args: CALL,
  uses: ENTER,
  answers: answers<["ok", removed: number]>(),
  lua: `
local removed = redis.call('HLEN', RECORDS)
redis.call('UNLINK', RECORDS, SUBSCRIBERS, IDS, ENDS)
redis.call('ZREM', DUE, RECORDS)
return {'ok', removed}`,
});

/**
 * Subscriptions in a pool on Redis. Calls fail with QUEUE_IS_MOVING while their queue is frozen for a move, and with
 * QUEUE_EPOCH_STALE once it has moved to another pool.
 */
export class RedisSubscriptions implements SubscriptionController {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>> {
    const [, now, found] = await this.#call(params.queue, LIST, idRange(params.page));
    const all = found.map((parts) => readSubscription(params.queue, parts, now));
    return pageOf(all, params.page, ({ id }) => id);
  }

  async get(params: { queue: QueueRef; id: string }): Promise<Subscription> {
    return (await this.#find(params)) ?? refuse(params);
  }

  async create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
    idempotencyKey?: string;
  }): Promise<Subscription | null> {
    const { queue, subscriber, ttlSeconds: ttl, optionsText: options, idempotencyKey: key } = params;
    const created = { id: uuidV7(), subscriber, ttl, options };
    if (key === undefined) return readOne(queue, await this.#call(queue, CREATE, created));
    const content = this.#queues.keys.idempotency(queue);
    const once = { callerEpoch: queue.epoch, idempotencyKey: key, digest: subscribeDigest(params) };
    const answer = await this.#call(queue, CREATE_KEYED, { ...created, ...once }, { content });
    if (answer[0] === "reused") throw keyReused(key);
    if (answer[0] === "missing") throw queueDoesNotExist(queue);
    return answer[0] === "repeated" ? this.get({ queue, id: answer[1] }) : readOne(queue, answer);
  }

  async update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription> {
    const { queue, subscriber, ttlSeconds: ttl, optionsText: options } = params;
    const answer = await this.#call(queue, UPDATE, { id: idOrNone(params.id), subscriber, ttl, options });
    if (answer[0] === "taken") throw isSubscribedAlready(queue, subscriber);
    return readOne(queue, answer) ?? refuse(params);
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<boolean> {
    const [, removed] = await this.#call(params.queue, DELETE, { id: idOrNone(params.id) });
    return removed === 1;
  }

  /** Removes expired ones too, but does not count them. */
  async deleteAll(params: { queue: QueueRef }): Promise<number> {
    const [, removed] = await this.#call(params.queue, DELETE_ALL, {});
    return removed;
  }

  async exists(params: { queue: QueueRef; id: string }): Promise<boolean> {
    return (await this.#find(params)) !== null;
  }

  async confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription> {
    const { queue, id, confirmed } = params;
    return readOne(queue, await this.#call(queue, CONFIRM, { id: idOrNone(id), confirmed })) ?? refuse(params);
  }

  async getWithSubscriber(params: { queue: QueueRef; subscriber: string }): Promise<Subscription> {
    const { queue, subscriber } = params;
    const found = readOne(queue, await this.#call(queue, GET_WITH_SUBSCRIBER, { subscriber }));
    if (found !== null) return found;
    throw isNotSubscribed(queue, subscriber);
  }

  async #find({ queue, id }: { queue: QueueRef; id: string }): Promise<Subscription | null> {
    return readOne(queue, await this.#call(queue, GET, { id: idOrNone(id) }));
  }

  /** Sends no epoch, since subscriptions outlive their queue. */
  async #call<
    Keys extends KeysOf<typeof SUBSCRIPTIONS_OF_QUEUE>,
    Args extends ArgsOf<typeof DELETE_ALL>,
    Answer extends Answered,
  >(
    queue: QueueRef,
    script: Script<Keys, Args, Answer>,
    args: Omit<Args, "offset">,
    moreKeys?: Omit<Keys, keyof KeysOf<typeof SUBSCRIPTIONS_OF_QUEUE>>,
  ): Promise<Answer> {
    const { scripts, keys } = this.#queues;
    const all = { offset: this.#queues.offset(), ...args } as unknown as Args;
    const callKeys = {
      subscriptions: keys.subscriptions(queue),
      queue: keys.row(queue),
      ...moreKeys,
    } as unknown as Keys;
    const answer: readonly unknown[] = await scripts.runToEnd(script, callKeys, all);
    if (answer[0] === "moving") throw isMoving(queue);
    if (answer[0] === "stale") throw staleEpoch(queue);
    return answer as Answer;
  }
}

/** No subscription has an empty id, so "" finds none. */
const idOrNone = (id: string) => normaliseUuid(id) ?? "";

function readOne(queue: QueueRef, [, now, found]: FoundOne): Subscription | null {
  return found === null ? null : readSubscription(queue, found, now);
}

function refuse(params: { queue: QueueRef; id: string }): never {
  throw subscriptionDoesNotExist(params);
}
