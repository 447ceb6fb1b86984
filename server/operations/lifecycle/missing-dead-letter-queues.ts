/**
 * Warnings about queues whose dead letter queue does not exist. They are read from the data, so that every process
 * gives the same ones, also after a restart.
 */
import { LRUCache } from "lru-cache";
import type { Access } from "../../access/access.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import type { QueueStats } from "../../storage/queue-stats.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { DeadLetters } from "./dead-letters.ts";

export interface MissingDeadLetterQueues {
  /**
   * One warning for each queue that the caller may see, with the number of its exhausted messages. After MAX_WARNINGS
   * queues, one that says that there are more. At most LONGEST_MS old.
   */
  warnings(access: Access): Promise<string[]>;
}

const MAX_WARNINGS = 20;
/**
 * An answer is cached for so many times the time that it took, within the two bounds. With 100,000 queues that use dead
 * letter queues it takes the database a tenth of a second.
 */
const REMEMBER_TIMES = 20;
const SHORTEST_MS = 1000;
const LONGEST_MS = 10_000;
/** Sets of projects whose warnings are cached. */
const REMEMBERED_SCOPES = 100;
/** For the numbers of messages. Without them a warning still makes sense. */
const STATS_DEADLINE_MS = 2000;

export function createMissingDeadLetterQueues(
  context: OperationContext,
  { deadLetters }: { deadLetters: Pick<DeadLetters, "counted"> },
): MissingDeadLetterQueues {
  const { control, data, limits, now } = context;
  const cache = new LRUCache<string, { until: number; lines: Promise<string[]> }>({ max: REMEMBERED_SCOPES });

  async function readWarnings({ projects }: Access): Promise<string[]> {
    const found = await control.queues.listWithoutDeadLetterQueue({
      limit: MAX_WARNINGS + 1,
      ...(projects === "all" ? {} : { projects }),
    });
    const queues = found.slice(0, MAX_WARNINGS);
    const attributes = queues.map(({ metadataText }) => readMetadata(limits, metadataText).effective);
    const unknown = queues.map(() => null);
    const stats = await withDeadline<readonly (QueueStats | null)[]>(
      (async () => data.messages.stats(await deadLetters.counted(queues, attributes)))(),
      STATS_DEADLINE_MS,
      () => unknown,
    ).catch(() => unknown);
    const lines = queues.flatMap(({ project, name }, index) => {
      const { deadLetterQueue, maxClaimCount } = attributes[index] ?? {};
      // Without a claim count no message is ever exhausted.
      if (!deadLetterQueue || typeof maxClaimCount !== "number") return [];
      const queue = `The queue ${name} of the project "${project}"`;
      const { exhausted = 0, exact = true } = stats[index] ?? {};
      const messages = exhausted === 1 ? "message" : "messages";
      return exhausted > 0
        ? `${queue} keeps ${exact ? "" : "at least "}${exhausted} ${messages} that nobody can claim, ` +
            `delivered as often as it allows: its dead letter queue ${deadLetterQueue} does not exist. ` +
            "Create it, and the next claim moves them there."
        : `${queue} names the dead letter queue ${deadLetterQueue}, which does not exist. ` +
            "Create it, or messages that are delivered too often will stay where nobody can claim them.";
    });
    return found.length > MAX_WARNINGS
      ? [...lines, `More than ${MAX_WARNINGS} queues name a dead letter queue that does not exist.`]
      : lines;
  }

  return {
    warnings(access) {
      const scope = JSON.stringify(access.projects);
      const last = cache.get(scope);
      if (last !== undefined && now() < last.until) return last.lines;
      const startedAt = now();
      const next = { until: Number.POSITIVE_INFINITY, lines: readWarnings(access) };
      cache.set(scope, next);
      next.lines.then(
        () => {
          const ended = now();
          next.until = ended + Math.min(Math.max(REMEMBER_TIMES * (ended - startedAt), SHORTEST_MS), LONGEST_MS);
        },
        () => {
          next.until = 0;
        },
      );
      return next.lines;
    },
  };
}
