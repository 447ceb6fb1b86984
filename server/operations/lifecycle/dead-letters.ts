/**
 * What becomes of messages that were delivered as often as their queue allows.
 *
 * | `_max_claim_count` | `_dead_letter_queue` | a message that was claimed as often is                        |
 * |--------------------|----------------------|---------------------------------------------------------------|
 * | not set            | any                  | ready                                                         |
 * | set                | not set              | ready: without a place for dead letters nothing is given up   |
 * | set                | exists               | ready, but the next claim moves it there and does not give it |
 * | set                | missing              | exhausted: neither claim nor pop gives it until that is made  |
 *
 * A pop takes a message for good, however often it was claimed before, so it moves nothing to the dead letter queue.
 */
import type { Claim, ClaimController, CountedQueue, Message } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { QueueLookup } from "./queue-lookup.ts";

type ClaimRequest = Parameters<ClaimController["create"]>[0];
type Count = number | null;

export interface DeadLetters {
  /**
   * A claim, after moving the messages that were claimed too often. When all that was taken had to be moved it looks again, until something
   * is delivered or nothing is left.
   */
  claim(
    request: ClaimRequest,
    attributes: ReservedAttributes,
  ): Promise<{ claim: Claim | null; messages: Message[]; deadLettered: number }>;
  /**
   * From which count on messages of a queue with these attributes are exhausted; null: none is. What is known of other
   * queues is at most a second old.
   */
  exhaustedFrom(queue: QueueRef, attributes: ReservedAttributes): Count | Promise<Count>;
  /**
   * The queues, each with its count. `attributes` are theirs, in the same order, null for one that is missing. One
   * question for all that are not remembered.
   */
  counted(
    queues: readonly QueueRef[],
    attributes: readonly (ReservedAttributes | null)[],
  ): CountedQueue[] | Promise<CountedQueue[]>;
}

/** One claim moves at most as many times its limit. What is left then is moved by the next claim. */
const MAX_ROUNDS = 20;
/** As drivers count. */
const MAX_CLAIM_COUNT = 2_147_483_647;

export function createDeadLetters(context: OperationContext, { lookup }: { lookup: QueueLookup }): DeadLetters {
  const { data } = context;

  async function moved(
    request: ClaimRequest,
    target: QueueRef,
    ttlSeconds: number | null,
  ): ReturnType<DeadLetters["claim"]> {
    let deadLettered = 0;
    for (let round = 1; ; round += 1) {
      const { claimId, claim, messages, deadLetters } = await data.claims.create(request);
      if (deadLetters.length === 0) return { claim, messages, deadLettered };
      try {
        deadLettered += await data.messages.transfer({
          from: request.queue,
          to: target,
          ids: deadLetters.map((message) => message.id),
          claimId,
          ttlSeconds,
        });
      } catch (error) {
        // The caller has a claim, and must hear of it. What could not be moved is ready again when the claim's time is
        // over.
        context.warn("Dead letters could not be moved; a later claim tries again", error);
        await lookup.forget(target);
        return { claim, messages, deadLettered };
      }
      if (claim !== null || round === MAX_ROUNDS) return { claim, messages, deadLettered };
    }
  }

  return {
    async claim(request, attributes) {
      const limit = limitOf(request.queue, attributes);
      const [target] = limit === null ? [] : await lookup.find([limit.deadLetterQueue]);
      if (limit !== null && target) {
        const { deadLetterQueue, count } = limit;
        return moved({ ...request, deadLettersFrom: count }, deadLetterQueue, attributes.deadLetterQueueMessagesTtl);
      }
      const { claim, messages } = await data.claims.create(
        limit === null ? request : { ...request, exhaustedFrom: limit.count },
      );
      return { claim, messages, deadLettered: 0 };
    },

    exhaustedFrom(queue, attributes) {
      const limit = limitOf(queue, attributes);
      if (limit === null) return null;
      const found = lookup.find([limit.deadLetterQueue]);
      const countOf = ([target]: (ReservedAttributes | null)[]) => (target ? null : limit.count);
      return found instanceof Promise ? found.then(countOf) : countOf(found);
    },

    counted(queues, attributes) {
      const limits = queues.map((queue, index) => {
        const of = attributes[index] ?? null;
        return of === null ? null : limitOf(queue, of);
      });
      const found = lookup.find(limits.flatMap((limit) => (limit === null ? [] : [limit.deadLetterQueue])));
      const countedBy = (targets: (ReservedAttributes | null)[]) => {
        const there = targets.values();
        return queues.map(({ project, name }, index) => {
          const limit = limits[index] ?? null;
          return { project, name, exhaustedFrom: limit !== null && there.next().value === null ? limit.count : null };
        });
      };
      return found instanceof Promise ? found.then(countedBy) : countedBy(found);
    },
  };
}

/** Null: the queue's messages are never given up. */
function limitOf(
  queue: QueueRef,
  { maxClaimCount, deadLetterQueue }: ReservedAttributes,
): { count: number; deadLetterQueue: QueueRef } | null {
  if (maxClaimCount === null || deadLetterQueue === null) return null;
  const count = Math.min(Math.max(maxClaimCount, 0), MAX_CLAIM_COUNT);
  return { count, deadLetterQueue: { project: queue.project, name: deadLetterQueue } };
}
