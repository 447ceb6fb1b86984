/**
 * Warnings of queues whose dead letter queue does not exist: read from the data, so that every process says the same,
 * after a restart too.
 */
import { LRUCache } from "lru-cache";
import type { Access } from "../../access/access.ts";
import type { QueueStats } from "../../storage/data-driver.ts";
import { withDeadline } from "../../storage/deadline.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { DeadLetters } from "./dead-letters.ts";

export interface MissingDeadLetterQueues {
  /**
   * A line for each queue, and how many messages it keeps back; after so many queues one that there are more. At most
   * seconds old.
   */
  warnings(access: Access): Promise<string[]>;
}

/** Lines of a report. */
const MAX_WARNINGS = 20;
/**
 * A look is remembered for so many times what it took: with 100,000 queues that use dead letter queues it takes the
 * database a tenth of a second.
 */
const REMEMBER_TIMES = 20;
const SHORTEST_MS = 1000;
const LONGEST_MS = 10_000;
/** Sets of projects that callers may see. */
const REMEMBERED_SCOPES = 100;
/** For the numbers of messages, which a warning can do without. */
const STATS_DEADLINE_MS = 2000;

export function createMissingDeadLetterQueues(
  context: OperationContext,
  { deadLetters }: { deadLetters: Pick<DeadLetters, "counted"> },
): MissingDeadLetterQueues {
  const { control, data, limits, now } = context;
  const looks = new LRUCache<string, { until: number; lines: Promise<string[]> }>({ max: REMEMBERED_SCOPES });

  async function look({ projects }: Access): Promise<string[]> {
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
      // Without a count nothing is ever given up.
      if (!deadLetterQueue || typeof maxClaimCount !== "number") return [];
      const queue = `The queue ${name} of the project "${project}"`;
      const { exhausted = 0, exact = true } = stats[index] ?? {};
      const messages = exhausted === 1 ? "message" : "messages";
      return exhausted > 0
        ? `${queue} keeps ${exact ? "" : "at least "}${exhausted} ${messages} that nobody can claim, delivered as often as it allows: its dead letter queue ${deadLetterQueue} does not exist. Create it, and the next claim moves them there.`
        : `${queue} names the dead letter queue ${deadLetterQueue}, which does not exist. Create it, or messages that are delivered too often will stay where nobody can claim them.`;
    });
    return found.length > MAX_WARNINGS
      ? [...lines, `More than ${MAX_WARNINGS} queues name a dead letter queue that does not exist.`]
      : lines;
  }

  return {
    warnings(access) {
      const scope = JSON.stringify(access.projects);
      const last = looks.get(scope);
      if (last !== undefined && now() < last.until) return last.lines;
      const begun = now();
      const next = { until: Number.POSITIVE_INFINITY, lines: look(access) };
      looks.set(scope, next);
      next.lines.then(
        () => {
          const ended = now();
          next.until = ended + Math.min(Math.max(REMEMBER_TIMES * (ended - begun), SHORTEST_MS), LONGEST_MS);
        },
        () => {
          next.until = 0;
        },
      );
      return next.lines;
    },
  };
}
