import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";

/** A queue of a dead letter group, with what decides whether it moves along. */
export interface LinkedQueue {
  queue: QueueRef;
  pool: string;
  flavor: string | null;
}

/** Which queue uses which as its dead letter queue, read from the queues' records. */
export interface DeadLetterLinks {
  /** The name of the queue's dead letter queue. Null when it has none, or is its own. */
  deadLetterQueueOf(queue: QueueRef): Promise<string | null>;
  /**
   * The queue's dead letter queue, then at most `limit` of the queues that use this one, by name. `last` is the last of
   * these names when there are more, else null.
   */
  neighboursOf(queue: QueueRef, limit: number): Promise<{ names: string[]; last: string | null }>;
  /** Those of the queues that exist and are in a pool, in the order of `names`. */
  look(project: string, names: readonly string[]): Promise<LinkedQueue[]>;
}

export function createDeadLetterLinks({
  control,
  limits,
}: Pick<OperationContext, "control" | "limits">): DeadLetterLinks {
  const attributesOf = (text: string) => readMetadata(limits, text).effective;

  async function deadLetterQueueOf(queue: QueueRef): Promise<string | null> {
    const [record] = await control.queues.getMany([queue]);
    const name = record === undefined ? null : attributesOf(record.metadataText).deadLetterQueue;
    return name === queue.name ? null : name;
  }

  async function neighboursOf(queue: QueueRef, limit: number): Promise<{ names: string[]; last: string | null }> {
    const above = await deadLetterQueueOf(queue);
    const [found = []] = await control.queues.listByDeadLetterQueues({ queues: [queue], limit: limit + 1 });
    const below = found.slice(0, limit);
    const others = below.filter((name) => name !== above && name !== queue.name);
    return {
      names: [...(above === null ? [] : [above]), ...others],
      last: found.length > limit ? (below.at(-1) ?? null) : null,
    };
  }

  async function look(project: string, names: readonly string[]): Promise<LinkedQueue[]> {
    const queues = names.map((name) => ({ project, name }));
    const [entries, records] = await Promise.all([control.catalogue.getMany(queues), control.queues.getMany(queues)]);
    return queues.flatMap((queue) => {
      const entry = entries.find((one) => one.queue === queue.name);
      const record = records.find((one) => one.name === queue.name);
      return entry === undefined || record === undefined
        ? []
        : [{ queue, pool: entry.pool, flavor: attributesOf(record.metadataText).flavor }];
    });
  }

  return { deadLetterQueueOf, neighboursOf, look };
}
