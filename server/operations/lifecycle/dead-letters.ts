/**
 * Messages that were delivered as often as their queue allows.
 *
 * | `_max_claim_count` | `_dead_letter_queue` | a message that was claimed as often is                        |
 * |--------------------|----------------------|---------------------------------------------------------------|
 * | not set            | any                  | ready                                                         |
 * | set                | not set              | ready: without a dead letter queue there is no limit          |
 * | set                | exists               | ready, but the next claim moves it there instead              |
 * | set                | missing              | exhausted: cannot be claimed or popped until that is created  |
 *
 * A pop deletes what it returns, however often it was claimed. So it moves nothing to the dead letter queue.
 */
import type { Claim, ClaimController, Message } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { CountedQueue } from "../../storage/queue-stats.ts";
import type { OperationContext } from "../context.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { QueueLookup } from "./queue-lookup.ts";

type ClaimRequest = Parameters<ClaimController["create"]>[0];
type Count = number | null;

export interface DeadLetters {
  /**
   * Creates a claim, after moving the messages that were claimed too often to the dead letter queue. When all that the
   * claim found had to be moved, it looks again, until there is something to deliver or nothing is left.
   */
  claim(
    request: ClaimRequest,
    attributes: ReservedAttributes,
  ): Promise<{ claim: Claim | null; messages: Message[]; deadLettered: number }>;
  /**
   * The claim count from which messages of a queue with these attributes are exhausted. Null: none are. Whether the
   * dead letter queue exists may be known for a second already.
   */
  exhaustedFrom(queue: QueueRef, attributes: ReservedAttributes): Count | Promise<Count>;
  /**
   * Adds `exhaustedFrom` to each queue. `attributes` are in the same order, null for a missing queue. Makes one look-up
   * for all dead letter queues that are not cached.
   */
  counted(
    queues: readonly QueueRef[],
    attributes: readonly (ReservedAttributes | null)[],
  ): CountedQueue[] | Promise<CountedQueue[]>;
}

/** Times that one claim looks again. The next claim moves the dead letters that are left then. */
const MAX_ROUNDS = 20;
/** The highest count that drivers store. */
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
        const dead = await data.messages.transfer({
          from: request.queue,
          to: target,
          ids: deadLetters.map((message) => message.id),
          claimId,
          ttlSeconds,
          as: "deadLetter",
        });
        deadLettered += dead.length;
      } catch (error) {
        // The caller must hear of its claim. Dead letters that could not be moved are ready again when the claim ends.
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
        return moved(
          { ...request, deadLettersFrom: count },
          deadLetterQueue,
          attributes.deadLetterQueueMessagesTtlSeconds,
        );
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

/** Null: messages of the queue never become dead letters. */
function limitOf(
  queue: QueueRef,
  { maxClaimCount, deadLetterQueue }: ReservedAttributes,
): { count: number; deadLetterQueue: QueueRef } | null {
  if (maxClaimCount === null || deadLetterQueue === null) return null;
  const count = Math.min(Math.max(maxClaimCount, 0), MAX_CLAIM_COUNT);
  return { count, deadLetterQueue: { project: queue.project, name: deadLetterQueue } };
}
