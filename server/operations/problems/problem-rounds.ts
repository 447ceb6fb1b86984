/** Finds the problems that no sample of a queue tells, for all processes. One of them takes each round. */
import { FailureLog } from "../../failure-log.ts";
import { judgePool, POOL_KINDS } from "../../problems/pool-rules.ts";
import { type FoundProblem, MOST_FOUND, type Problem, type ProblemKind } from "../../problems/problem.ts";
import { SAMPLED_KINDS } from "../../problems/queue-rules.ts";
import { jobProblem, judgeCollections, lossProblem } from "../../problems/service-rules.ts";
import type { OperationContext } from "../context.ts";
import { twinsOf, withDuplicates } from "../health/record.ts";
import type { MissingDeadLetterQueues } from "../lifecycle/missing-dead-letter-queues.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { PoolCheck } from "../pool-facts/health-checks.ts";
import { poolNames } from "../pool-facts/names.ts";
import type { Refusals } from "../pool-facts/refusals.ts";
import { findStoppedConsumers } from "./stopped-consumers.ts";

export interface ProblemRounds {
  /**
   * For the schedule: needs no role. Looks at dead letter queues, jobs, garbage collections and pools that lost data.
   * What cannot be read is logged and stays as it was.
   */
  find(signal: AbortSignal): Promise<void>;
  /** After a health round: what these checks say. Pools that are not among them have no such problem. */
  notePools(checks: readonly PoolCheck[]): Promise<void>;
  /** At the start: what the settings say nobody looks at is not known to be so any more. */
  endUnwatched(): Promise<void>;
}

const [{ most: MAX_QUEUES }, { most: MAX_JOBS }] = MOST_FOUND;

const isUnreachable = (problem: Problem) => problem.kind === "poolUnhealthy" && !problem.numbers.reachable;

export function createProblemRounds(
  context: OperationContext,
  parts: { missingDeadLetterQueues: MissingDeadLetterQueues; refusals: Refusals; lookup: Pick<QueueLookup, "find"> },
): ProblemRounds {
  const { control, jobs, history, samples, consumers, problems, limits, now, warn, info = () => undefined } = context;
  const began = now();
  const failures = new FailureLog({ warn, info });

  async function findGc(now: Date): Promise<FoundProblem[]> {
    const [last, names] = await Promise.all([control.collections.last(), poolNames(control)]);
    const found = judgeCollections({ last, names, now, limits });
    const known = await problems.ofPools(found.map(({ pool }) => pool));
    // That the pool does not answer is a problem already, and no collection can succeed there meanwhile.
    return found.filter((_, index) => !(known[index] ?? []).some(isUnreachable));
  }

  /** Null: not known yet. After a restart of the service, consumers need a moment to call again. */
  async function findConsumers(at: Date): Promise<FoundProblem[] | null> {
    if (!consumers.isOn) return [];
    const isYoung = now() - began < limits.CONSUMER_GONE_SECONDS * 1000;
    return isYoung ? null : findStoppedConsumers(context, parts.lookup, at);
  }

  const finders: [what: string, kinds: readonly ProblemKind[], find: (now: Date) => Promise<FoundProblem[] | null>][] =
    [
      [
        "missing dead letter queues",
        ["exhausted", "deadLetterQueueMissing"],
        (since) => parts.missingDeadLetterQueues.find({ projects: "all", limit: MAX_QUEUES, since }),
      ],
      ["failed jobs", ["jobFailed"], async () => (await jobs.listFailed({ limit: MAX_JOBS })).map(jobProblem)],
      ["late garbage collections", ["gcBehind"], findGc],
      ["pools that lost data", ["poolEmptyAgain"], async () => (await control.pools.listLosses()).map(lossProblem)],
      ["stopped consumers", ["consumerGone"], findConsumers],
    ];

  return {
    async find(signal) {
      const at = await problems.now();
      for (const [what, kinds, find] of finders) {
        if (signal.aborted) return;
        const name = `The look for ${what}`;
        try {
          const found = await find(at);
          if (found !== null) await problems.put({ kinds, found });
          failures.succeeded(name);
        } catch (error) {
          failures.failed(name, error);
        }
      }
    },

    async notePools(checks) {
      const [twins, at] = await Promise.all([control.pools.listTwins(), problems.now()]);
      const before = await problems.ofPools(checks.map(({ pool }) => pool));
      const found = withDuplicates(checks, twinsOf(twins)).flatMap((check, index) =>
        judgePool({
          check,
          refusal: parts.refusals.ofWrites(check.pool),
          before: (before[index] ?? []).filter((one): one is Problem => POOL_KINDS.some((kind) => kind === one.kind)),
          now: at,
          limits,
        }),
      );
      await problems.put({ kinds: POOL_KINDS, found });
    },

    async endUnwatched() {
      const kinds = [...(samples.isOn ? [] : SAMPLED_KINDS), ...(history.everySeconds > 0 ? [] : POOL_KINDS)];
      if (kinds.length > 0) await problems.put({ kinds, found: [] });
    },
  };
}
