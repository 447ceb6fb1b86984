/** Claiming from a queue whose messages are given up after some deliveries: at the next claim they move to its dead letter queue. */
import { LRUCache } from "lru-cache";
import { hasCode } from "../errors.ts";
import type { Claim, ClaimController, Message, QueueRef } from "../storage/data-driver.ts";
import type { OperationContext } from "./context.ts";
import type { ReservedAttributes } from "./queue-attributes.ts";
import type { QueueLookup } from "./queue-lookup.ts";

type ClaimRequest = Parameters<ClaimController["create"]>[0];

export interface MissingDeadLetterQueue {
  project: string;
  queue: string;
  deadLetterQueue: string;
}

export interface DeadLetters {
  /**
   * A claim, after moving the messages that were claimed too often. When all that was taken had to be moved it looks again, until something
   * is delivered or nothing is left. Without the dead letter queue those messages stay, and are passed over.
   */
  claim(
    request: ClaimRequest,
    attributes: ReservedAttributes,
  ): Promise<{ claim: Claim | null; messages: Message[]; deadLettered: number }>;
  /** Queues of which a claim in this process found the dead letter queue missing, lately, and whose it still is. */
  missing(): Promise<MissingDeadLetterQueue[]>;
}

/** One claim moves at most as many times its limit. What is left then is moved by the next claim. */
const MAX_ROUNDS = 20;
/** As drivers count. */
const MAX_CLAIM_COUNT = 2_147_483_647;
const REMEMBERED_MISSING = 100;
const MISSING_FOR_MS = 600_000;

export function createDeadLetters(context: OperationContext, { lookup }: { lookup: QueueLookup }): DeadLetters {
  const { control, data } = context;
  const missing = new LRUCache<string, MissingDeadLetterQueue>({
    max: REMEMBERED_MISSING,
    ttl: MISSING_FOR_MS,
    perf: { now: context.now },
  });

  async function targetOf(queue: QueueRef, name: string): Promise<QueueRef | null> {
    const target = { project: queue.project, name };
    const key = `${queue.name} ${queue.project}`;
    try {
      await lookup.attributes(target);
    } catch (error) {
      if (!hasCode(error, "QUEUE_DOES_NOT_EXIST")) throw error;
      missing.set(key, { project: queue.project, queue: queue.name, deadLetterQueue: name });
      return null;
    }
    missing.delete(key);
    return target;
  }

  return {
    async claim(request, { maxClaimCount, deadLetterQueue, deadLetterQueueMessagesTtl }) {
      if (maxClaimCount === null || deadLetterQueue === null) {
        const { claim, messages } = await data.claims.create(request);
        return { claim, messages, deadLettered: 0 };
      }
      const { queue } = request;
      const target = await targetOf(queue, deadLetterQueue);
      const counted = {
        ...request,
        maxClaimCount: Math.min(Math.max(maxClaimCount, 0), MAX_CLAIM_COUNT),
        takeExhausted: target !== null,
      };
      let deadLettered = 0;
      for (let round = 1; ; round += 1) {
        const { claimId, claim, messages, exhausted } = await data.claims.create(counted);
        if (target === null || exhausted.length === 0) return { claim, messages, deadLettered };
        try {
          deadLettered += await data.messages.transfer({
            from: queue,
            to: target,
            ids: exhausted.map((message) => message.id),
            claimId,
            ttlSeconds: deadLetterQueueMessagesTtl,
          });
        } catch (error) {
          // The caller has a claim, and must hear of it. What could not be moved is free again when the claim's time is over.
          context.warn("Dead letters could not be moved; a later claim tries again", error);
          await lookup.forget(target);
          return { claim, messages, deadLettered };
        }
        if (claim !== null || round === MAX_ROUNDS) return { claim, messages, deadLettered };
      }
    },

    async missing() {
      const entries = [...missing];
      const queuesOf = ({ project, queue, deadLetterQueue }: MissingDeadLetterQueue) =>
        [queue, deadLetterQueue].map((name) => ({ project, name }));
      const found = await control.queues.getMany(entries.flatMap(([, entry]) => queuesOf(entry)));
      const exists = (project: string, name: string) =>
        found.some((queue) => queue.project === project && queue.name === name);
      for (const [key, { project, queue, deadLetterQueue }] of entries) {
        if (!exists(project, queue) || exists(project, deadLetterQueue)) missing.delete(key);
      }
      return [...missing.values()];
    },
  };
}
