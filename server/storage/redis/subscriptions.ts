import { DomainError } from "../../errors.ts";
import type { Page, PageRequest } from "../list-pages.ts";
import { markerField, normaliseUuid, pageOf, uuidMarker } from "../list-pages.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Subscription, SubscriptionController } from "../subscription-controller.ts";
import { uuidV7 } from "../uuid-v7.ts";
import { ageSeconds, dateOf } from "./messages/records.ts";
import { isMoving, type QueueRows, staleEpoch } from "./queue-rows.ts";
import type { Reply } from "./server/connection.ts";
import { type Script, script } from "./server/scripts.ts";
import { CLOCK, EXPIRE_STEP } from "./server/shared-lua.ts";

/**
 * KEYS: 1 records, 2 subscribers, 3 ids, 4 ends, 5 the shard's list of what is due. A record: created, renewed, ends, ttl, confirmed, the
 * length of the subscriber, then subscriber and options. What has expired is removed first, so what is there is live.
 */
export const SUBSCRIPTIONS_ENTER = `${CLOCK}
local RECORDS, SUBSCRIBERS, IDS, ENDS, DUE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function find(id)
  local record = redis.call('HGET', RECORDS, id)
  if not record then return nil end
  local created, renewed, ends, ttl, confirmed, length, rest = string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {id, created, renewed, ends, ttl, confirmed, string.sub(rest, 1, length), string.sub(rest, length + 1)}
end
local function write(one)
  local id, created, renewed, ends, ttl, confirmed, subscriber, options = unpack(one)
  redis.call('HSET', RECORDS, id, table.concat({created, renewed, ends, ttl, confirmed, #subscriber, subscriber .. options}, ' '))
  redis.call('HSET', SUBSCRIBERS, subscriber, id)
  redis.call('ZADD', IDS, 0, id)
  redis.call('ZADD', ENDS, ends, id)
  redis.call('ZADD', DUE, 'LT', ends, RECORDS)
end
local function remove(one)
  redis.call('HDEL', RECORDS, one[1])
  redis.call('HDEL', SUBSCRIBERS, one[7])
  redis.call('ZREM', IDS, one[1])
  redis.call('ZREM', ENDS, one[1])
end
local expired = redis.call('ZRANGEBYSCORE', ENDS, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
for _, id in ipairs(expired) do remove(find(id)) end
`;

/** They need no row of their queue here, so they go by the opposite: one that says that it is moving away, or has moved. KEYS: 6 that row. */
const ENTER = `
local away = redis.call('HMGET', KEYS[6], 'frozen', 'left')
if away[1] then return {'moving'} end
if away[2] then return {'stale'} end
${SUBSCRIPTIONS_ENTER}
if #expired == ${EXPIRE_STEP} then return {'more'} end
`;

const LIST = script(
  `${ENTER}
local found = {}
for place, id in ipairs(redis.call(ARGV[6], IDS, ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])) do found[place] = find(id) end
return {'ok', NOW, found}`,
  "reads",
);

const GET = script(`${ENTER} return {'ok', NOW, find(ARGV[3]) or false}`, "reads");

const GET_WITH_SUBSCRIBER = script(
  `${ENTER}
local id = redis.call('HGET', SUBSCRIBERS, ARGV[3])
return {'ok', NOW, id and find(id) or false}`,
  "reads",
);

const CREATE = script(
  `${ENTER}
if redis.call('HEXISTS', SUBSCRIBERS, ARGV[4]) == 1 then return {'ok', NOW, false} end
local one = {ARGV[3], NOW, NOW, digits(now + ARGV[5] * 1000000), ARGV[5], '0', ARGV[4], ARGV[6]}
write(one)
return {'ok', NOW, one}`,
  "grows",
);

/** ARGV: 3 id, then subscriber, ttl and options with a sign in front, or - where they stay. */
const UPDATE = script(
  `${ENTER}
local one = find(ARGV[3])
if not one then return {'ok', NOW, false} end
local subscriber, ttl, options = ARGV[4], ARGV[5], ARGV[6]
if subscriber ~= '-' then
  local holder = redis.call('HGET', SUBSCRIBERS, string.sub(subscriber, 2))
  if holder and holder ~= one[1] then return {'taken'} end
  redis.call('HDEL', SUBSCRIBERS, one[7])
  one[7] = string.sub(subscriber, 2)
end
if ttl ~= '-' then
  one[3], one[5] = NOW, string.sub(ttl, 2)
  one[4] = digits(now + one[5] * 1000000)
end
if options ~= '-' then one[8] = string.sub(options, 2) end
write(one)
return {'ok', NOW, one}`,
  "grows",
);

const CONFIRM = script(
  `${ENTER}
local one = find(ARGV[3])
if not one then return {'ok', NOW, false} end
one[6] = ARGV[4]
write(one)
return {'ok', NOW, one}`,
  "writes",
);

const DELETE = script(
  `${ENTER}
local one = find(ARGV[3])
if one then remove(one) end
return {'ok'}`,
  "writes",
);

const DELETE_ALL = script(
  `${ENTER}
local removed = redis.call('HLEN', RECORDS)
redis.call('UNLINK', RECORDS, SUBSCRIBERS, IDS, ENDS)
redis.call('ZREM', DUE, RECORDS)
return {'ok', NOW, removed}`,
  "writes",
);

/** Subscriptions in a pool on Redis. Every call is QUEUE_IS_MOVING or QUEUE_EPOCH_STALE when its queue moves to another pool, or did. */
export class RedisSubscriptions implements SubscriptionController {
  readonly #queues: QueueRows;

  constructor(queues: QueueRows) {
    this.#queues = queues;
  }

  async list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>> {
    const { after, before, limit } = params.page;
    const backward = before !== undefined;
    const marker = before ?? after;
    const from = marker === undefined ? "-" : `(${uuidMarker(marker, markerField(params.page))}`;
    const values = [from, backward ? "-" : "+", String(limit + 1), backward ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX"];
    const [, now, found] = await this.#call(params.queue, LIST, values);
    const all = (found as string[][]).map((one) => readSubscription(params.queue, one, now as string));
    return pageOf(all, params.page, ({ id }) => id);
  }

  async get(params: { queue: QueueRef; id: string }): Promise<Subscription> {
    return (await this.#one(params.queue, GET, [idOrNone(params.id)])) ?? refuse(params);
  }

  create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
  }): Promise<Subscription | null> {
    const { queue, subscriber, ttlSeconds, optionsText } = params;
    return this.#one(queue, CREATE, [uuidV7(), subscriber, String(ttlSeconds), optionsText]);
  }

  async update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription> {
    const { queue, subscriber } = params;
    const changes = [subscriber, params.ttlSeconds, params.optionsText];
    const values = changes.map((change) => (change === undefined ? "-" : `+${change}`));
    return (await this.#one(queue, UPDATE, [idOrNone(params.id), ...values], subscriber)) ?? refuse(params);
  }

  async delete(params: { queue: QueueRef; id: string }): Promise<void> {
    await this.#call(params.queue, DELETE, [idOrNone(params.id)]);
  }

  /** Removes expired ones too, uncounted. */
  async deleteAll(params: { queue: QueueRef }): Promise<number> {
    const [, , removed] = await this.#call(params.queue, DELETE_ALL, []);
    return removed as number;
  }

  async exists(params: { queue: QueueRef; id: string }): Promise<boolean> {
    return (await this.#one(params.queue, GET, [idOrNone(params.id)])) !== null;
  }

  async confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription> {
    const values = [idOrNone(params.id), params.confirmed ? "1" : "0"];
    return (await this.#one(params.queue, CONFIRM, values)) ?? refuse(params);
  }

  async getWithSubscriber(params: { queue: QueueRef; subscriber: string }): Promise<Subscription> {
    const found = await this.#one(params.queue, GET_WITH_SUBSCRIBER, [params.subscriber]);
    if (found !== null) return found;
    throw new DomainError("SUBSCRIPTION_DOES_NOT_EXIST", "This subscriber is not subscribed to this queue.", {
      details: { queue: params.queue.name, subscriber: params.subscriber },
    });
  }

  async #one(
    queue: QueueRef,
    script: Script,
    values: readonly string[],
    subscriber?: string,
  ): Promise<Subscription | null> {
    const [verdict, now, one] = await this.#call(queue, script, values);
    if (verdict === "taken") {
      throw new DomainError("SUBSCRIPTION_ALREADY_EXISTS", "This subscriber has another subscription to this queue.", {
        details: { queue: queue.name, subscriber },
      });
    }
    return one === null || one === undefined ? null : readSubscription(queue, one as string[], now as string);
  }

  /** They have no epoch: they outlive their queue. */
  async #call(queue: QueueRef, script: Script, values: readonly string[]): Promise<readonly Reply[]> {
    const { scripts, keys } = this.#queues;
    const reply = await scripts.settled(script, keys.subscriptions(queue), ["", this.#queues.offset(), ...values]);
    if (reply[0] === "moving") throw isMoving(queue);
    if (reply[0] === "stale") throw staleEpoch(queue);
    return reply;
  }
}

/** No subscription has an empty id. */
const idOrNone = (id: string) => normaliseUuid(id) ?? "";

function readSubscription(queue: QueueRef, parts: readonly string[], now: string): Subscription {
  const [id, created, renewed, ends, ttl, confirmed, subscriber, optionsText] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    id,
    source: queue.name,
    subscriber,
    ttlSeconds: Number(ttl),
    ageSeconds: ageSeconds(now, renewed),
    createdAt: dateOf(created),
    expiresAt: dateOf(ends),
    optionsText,
    confirmed: confirmed === "1",
  };
}

function refuse(params: { queue: QueueRef; id: string }): never {
  throw new DomainError(
    "SUBSCRIPTION_DOES_NOT_EXIST",
    "This subscription does not exist in this queue, or has expired.",
    { details: { queue: params.queue.name, subscriptionId: params.id } },
  );
}
