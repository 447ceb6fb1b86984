/** Reads of many queues at once: a script for each queue, all sent together, so that each server gets one pipeline. */
import { DomainError } from "../../errors.ts";
import { type BatchResult, resultOf } from "../batch-result.ts";
import { type BatchBytes, type BatchReads, carriedBytes, type Message } from "../data-driver.ts";
import type { MessageLives } from "../messages/message-life.ts";
import type { RedisClaims } from "./claims/claims.ts";
import type { RedisMessages } from "./messages/messages.ts";
import type { RedisSubscriptions } from "./subscriptions/subscriptions.ts";

export function redisBatchReads(parts: {
  messages: RedisMessages;
  claims: RedisClaims;
  subscriptions: RedisSubscriptions;
  lives: MessageLives;
}): BatchReads {
  const { messages, claims, subscriptions, lives } = parts;
  return {
    messages: ({ queues, maxBytes, pageBytes, ...params }) =>
      withinBytes(
        queues,
        { maxBytes, pageBytes },
        ({ exhaustedFrom = null, ...queue }, room) =>
          messages.listWithin({ ...params, queue, exhaustedFrom, maxBytes: pageBytes }, room),
        ({ items }) => items,
      ),
    messagesById: ({ queues, ids, maxBytes, pageBytes }) =>
      withinBytes(
        queues,
        { maxBytes, pageBytes },
        (queue, room) => messages.bulkGetWithin({ queue, ids, maxBytes: pageBytes }, room),
        (found) => found,
      ),
    claims: ({ queues, page }) => Promise.all(queues.map((queue) => resultOf(claims.list({ queue, page })))),
    claimsById: ({ claims: asked, after, maxBytes, pageBytes }) =>
      withinBytes(
        asked,
        { maxBytes, pageBytes },
        ({ claimId: id, ...queue }, room) =>
          claims.getWithin({ queue, id, ...(after === undefined ? {} : { after }), maxBytes: pageBytes }, room),
        (found) => found.messages,
      ),
    subscriptions: ({ queues, page }) =>
      Promise.all(queues.map((queue) => resultOf(subscriptions.list({ queue, page })))),
    lives: ({ queues }) => Promise.all(queues.map(({ ids, ...queue }) => resultOf(lives.read({ queue, ids })))),
  };
}

/**
 * All scripts are on their way at once, so none knows what the others find: each gets an equal share of the bytes. What
 * needs more is read afterwards, one by one, while there is room.
 */
async function withinBytes<Request, T>(
  requests: readonly Request[],
  bytes: BatchBytes,
  read: (request: Request, room: number) => Promise<T | null>,
  messagesOf: (result: T) => readonly Message[],
): Promise<(BatchResult<T> | null)[]> {
  let left = carriedBytes(bytes.maxBytes);
  const share = Math.floor(left / requests.length);
  const results = await Promise.all(requests.map((request) => resultOf(read(request, share))));
  const count = (result: BatchResult<T> | null) => {
    if (result === null || result instanceof DomainError) return;
    for (const { bodyText } of messagesOf(result)) left -= Buffer.byteLength(bodyText);
  };
  results.forEach(count);
  for (const [index, request] of requests.entries()) {
    if (results[index] !== null) continue;
    // It needs more than a share.
    if (left <= share) break;
    const result = await resultOf(read(request, left));
    if (result === null) break;
    results[index] = result;
    count(result);
  }
  return results;
}
