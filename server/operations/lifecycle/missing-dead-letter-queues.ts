/**
 * Queues whose dead letter queue does not exist. They are read from the data, so that every process finds the same ones,
 * also after a restart.
 */
import { LRUCache } from "lru-cache";
import type { Access } from "../../access/access.ts";
import { type FoundProblem, ofQueue } from "../../problems/problem.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import type { QueueStats } from "../../storage/queue-stats.ts";
import type { Where } from "../../storage/where.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { DeadLetters } from "./dead-letters.ts";

export interface MissingDeadLetterQueues {
  /**
   * One problem for each queue, at most `limit`: that it has exhausted messages, or will have some.
   */
  find(params: { projects: Where; limit: number; since: Date }): Promise<FoundProblem[]>;
  /** The same of the queues that the caller may see, up to one more than MAX_MISSING. At most LONGEST_MS old. */
  recent(access: Access): Promise<FoundProblem[]>;
}

export const MAX_MISSING = 20;
/**
 * An answer is cached for so many times the time that it took, within the two bounds. With 100,000 queues that use dead
 * letter queues it takes the database a tenth of a second.
 */
const REMEMBER_TIMES = 20;
const SHORTEST_MS = 1000;
const LONGEST_MS = 10_000;
/** Sets of projects whose answers are cached. */
const REMEMBERED_SCOPES = 100;
/** For the numbers of messages. Without them a problem still makes sense. */
const STATS_DEADLINE_MS = 2000;
/** Queues that one call of a driver is about. */
const SLICE = 100;

export function createMissingDeadLetterQueues(
  context: OperationContext,
  { deadLetters }: { deadLetters: Pick<DeadLetters, "counted"> },
): MissingDeadLetterQueues {
  const { control, data, limits, now } = context;
  const cache = new LRUCache<string, { until: number; found: Promise<FoundProblem[]> }>({ max: REMEMBERED_SCOPES });

  async function find(params: Parameters<MissingDeadLetterQueues["find"]>[0]): Promise<FoundProblem[]> {
    const { since, ...wanted } = params;
    const queues = await control.queues.listWithoutDeadLetterQueue(wanted);
    const attributes = queues.map(({ metadataText }) => readMetadata(limits, metadataText).effective);
    const stats: (QueueStats | null)[] = queues.map(() => null);
    const readStats = async () => {
      const counted = await deadLetters.counted(queues, attributes);
      for (let from = 0; from < counted.length; from += SLICE) {
        const some = await data.messages.stats(counted.slice(from, from + SLICE));
        some.forEach((one, index) => {
          stats[from + index] = one;
        });
      }
    };
    await withDeadline(readStats(), STATS_DEADLINE_MS, () => undefined).catch(() => undefined);
    return queues.flatMap((queue, index): FoundProblem[] => {
      const { deadLetterQueue, maxClaimCount } = attributes[index] ?? {};
      // Without a claim count no message is ever exhausted.
      if (!deadLetterQueue || typeof maxClaimCount !== "number") return [];
      const { exhausted = 0, exact = true } = stats[index] ?? {};
      const subject = { ...ofQueue(queue), since };
      return exhausted > 0
        ? [{ ...subject, kind: "exhausted", severity: "critical", numbers: { deadLetterQueue, exhausted, exact } }]
        : [{ ...subject, kind: "deadLetterQueueMissing", severity: "warning", numbers: { deadLetterQueue } }];
    });
  }

  const findRecent = ({ rights: { read: projects } }: Access) =>
    find({ limit: MAX_MISSING + 1, since: new Date(), projects });

  return {
    find,
    recent(access) {
      const scope = JSON.stringify(access.rights.read);
      const last = cache.get(scope);
      if (last !== undefined && now() < last.until) return last.found;
      const startedAt = now();
      const next = { until: Number.POSITIVE_INFINITY, found: findRecent(access) };
      cache.set(scope, next);
      next.found.then(
        () => {
          const ended = now();
          next.until = ended + Math.min(Math.max(REMEMBER_TIMES * (ended - startedAt), SHORTEST_MS), LONGEST_MS);
        },
        () => {
          next.until = 0;
        },
      );
      return next.found;
    },
  };
}
