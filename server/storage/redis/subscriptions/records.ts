/** A subscription as Redis keeps it, and what scripts of other nouns do with it. */
import type { QueueRef } from "../../queue-ref.ts";
import type { Subscription } from "../../subscription-controller.ts";
import { SUBSCRIPTION_PARTS } from "../keys.ts";
import { ageSeconds, dateOf } from "../messages/records.ts";
import { locals, piece } from "../server/script.ts";
import { CLOCK, EXPIRE_STEP } from "../server/shared-lua.ts";

/** The keys of scripts on a queue's subscriptions. */
export const SUBSCRIPTIONS = { subscriptions: locals(SUBSCRIPTION_PARTS) };
/** The same, with the row of the queue. */
export const SUBSCRIPTIONS_OF_QUEUE = { ...SUBSCRIPTIONS, queue: locals(["row"]) };

/**
 * A record: created, renewed, ends, ttl, confirmed, the length of the subscriber, then subscriber and options. In Lua a
 * subscription has these fields and its id.
 */
export const SUBSCRIPTION_RECORD = piece(
  "a subscription's record",
  { keys: ["RECORDS", "SUBSCRIBERS", "IDS", "ENDS", "DUE"] },
  `
local function find(id)
  local record = redis.call('HGET', RECORDS, id)
  if not record then return nil end
  local created, renewed, ends, ttl, confirmed, length, rest =
    string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return {
    id = id, created = created, renewed = renewed, ends = ends, ttl = ttl, confirmed = confirmed,
    subscriber = string.sub(rest, 1, length), options = string.sub(rest, length + 1)
  }
end
local function write(one)
  redis.call('HSET', RECORDS, one.id, table.concat({
    one.created, one.renewed, one.ends, one.ttl, one.confirmed, #one.subscriber, one.subscriber .. one.options
  }, ' '))
  redis.call('HSET', SUBSCRIBERS, one.subscriber, one.id)
  redis.call('ZADD', IDS, 0, one.id)
  redis.call('ZADD', ENDS, one.ends, one.id)
  redis.call('ZADD', DUE, 'LT', one.ends, RECORDS)
end
local function remove(one)
  redis.call('HDEL', RECORDS, one.id)
  redis.call('HDEL', SUBSCRIBERS, one.subscriber)
  redis.call('ZREM', IDS, one.id)
  redis.call('ZREM', ENDS, one.id)
end
local function describe(one)
  if not one then return false end
  return {one.id, one.created, one.renewed, one.ends, one.ttl, one.confirmed, one.subscriber, one.options}
end
`,
);
/** As `describe` returns it. */
export type SubscriptionParts = [
  id: string,
  created: string,
  renewed: string,
  ends: string,
  ttl: string,
  confirmed: "0" | "1",
  subscriber: string,
  options: string,
];

/** Removes expired subscriptions, at most a step. So what can be found afterwards is live. */
export const EXPIRE_SUBSCRIPTIONS = piece(
  "expire subscriptions",
  { pieces: [CLOCK, SUBSCRIPTION_RECORD], keys: ["ENDS"] },
  `
local expired = redis.call('ZRANGEBYSCORE', ENDS, '-inf', NOW, 'LIMIT', 0, ${EXPIRE_STEP})
for _, id in ipairs(expired) do remove(find(id)) end
`,
);

/** Ends the script with `more` while expired subscriptions are left. The caller then runs it again. */
export const REQUIRE_LIVE_SUBSCRIPTIONS = piece(
  "require live subscriptions",
  { pieces: [EXPIRE_SUBSCRIPTIONS] },
  `
if #expired == ${EXPIRE_STEP} then return {'more'} end
`,
);

/** Deletes all subscriptions of a queue, in scripts that get their keys as the table `subscriptions`. */
export const DROP_SUBSCRIPTIONS = piece(
  "drop subscriptions",
  { keys: ["subscriptions"] },
  `
local function drop_subscriptions()
  redis.call('UNLINK', subscriptions.records, subscriptions.subscribers, subscriptions.ids, subscriptions.ends)
  redis.call('ZREM', subscriptions.due, subscriptions.records)
end
`,
);

export function readSubscription(queue: QueueRef, parts: SubscriptionParts, now: string): Subscription {
  const [id, created, renewed, ends, ttl, confirmed, subscriber, optionsText] = parts;
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
