import { type Access, requirePermission } from "../../access/access.ts";
import { DomainError, withDetails } from "../../errors.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { QueueStats } from "../../storage/queue-stats.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkBatch } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type StatsChange, StatsWatch } from "../live/stats-watch.ts";
import type { Ticker } from "../live/ticker.ts";

/** Permission read. */
export interface QueueStatistics {
  /** Counts the queue's messages by state. QUEUE_DOES_NOT_EXIST, QUEUE_NOT_MAPPED, and the errors of its pool. */
  stats(access: Access, params: QueueAddress): Promise<QueueStats>;
  /**
   * In the order asked. Null for a queue that does not exist or is not in the catalogue; the error of a queue whose
   * pool fails. One call to each pool. At most MAX_PAGE_SIZE.
   */
  statsMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<BatchResult<QueueStats | null>[]>;
  /**
   * Yields the statistics of each queue now, then each change, at most once a second for each queue. All watchers of a
   * queue share one poll; without watchers there is none. A slow reader gets the latest statistics, not every change.
   * Ends when `signal` aborts. The call itself throws FORBIDDEN and BAD_INPUT.
   */
  watchStats(
    access: Access,
    params: { queues: readonly QueueAddress[]; signal: AbortSignal },
  ): AsyncIterableIterator<StatsChange>;
}

/** What counting needs: look-ups, and the claim count from which messages are exhausted. */
export interface StatsParts {
  lookup: QueueLookup;
  deadLetters: Pick<DeadLetters, "counted">;
}

export function createQueueStatistics(
  context: OperationContext,
  parts: StatsParts & { ticker: Ticker },
): QueueStatistics {
  const { control, limits } = context;
  const watch = new StatsWatch({
    ticker: parts.ticker,
    read: (queues) => statsOf(context, parts, queues),
    batch: limits.MAX_PAGE_SIZE,
  });
  return {
    async stats(access, params) {
      requirePermission(access, "read");
      const queue = chosenQueue(limits, access, "read", params);
      await parts.lookup.attributes(queue);
      const [stats] = await statsOf(context, parts, [queue]);
      if (stats !== undefined && stats !== null) return stats;
      if (await control.queues.exists(queue)) await control.catalogue.get(queue);
      throw queueDoesNotExist(queue);
    },

    async statsMany(access, { queues }) {
      return tryStatsOf(context, parts, chosenMany(context, access, queues));
    },

    watchStats(access, { queues, signal }) {
      return watch.watch(chosenMany(context, access, queues), signal);
    },
  };
}

async function statsOf(
  { data }: OperationContext,
  { lookup, deadLetters }: StatsParts,
  queues: readonly QueueRef[],
): Promise<(QueueStats | null)[]> {
  return data.messages.stats(await deadLetters.counted(queues, await lookup.find(queues)));
}

export async function tryStatsOf(
  { data }: OperationContext,
  { lookup, deadLetters }: StatsParts,
  queues: readonly QueueRef[],
  attributes?: readonly ReservedAttributes[],
): Promise<BatchResult<QueueStats | null>[]> {
  const results = await data.tryStats(await deadLetters.counted(queues, attributes ?? (await lookup.find(queues))));
  return results.map((result, index) => {
    const { project, name } = queues[index] as QueueRef;
    return withDetails(result, { project, queue: name });
  });
}

function chosenMany({ limits }: OperationContext, access: Access, queues: readonly QueueAddress[]): QueueRef[] {
  requirePermission(access, "read");
  return checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, "read", queue));
}

function queueDoesNotExist(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_DOES_NOT_EXIST",
    `Queue ${queue.name} does not exist in this project. Create it first.`,
    {
      details: { project: queue.project, queue: queue.name },
    },
  );
}
