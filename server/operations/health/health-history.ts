import { type Access, requirePermission } from "../../access/access.ts";
import type { HealthInterval, OperationInterval } from "../../history/health-history.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { badInput, checkBatch, checkWhole, pageRequest } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import type { PoolCheck, PoolChecks } from "../pool-facts/health-checks.ts";
import type { ProblemRounds } from "../problems/problem-rounds.ts";

export interface HealthSampling {
  /** Seconds between two rounds of samples. Null: none are taken. */
  everySeconds: number | null;
  /** Seconds for which a sample is kept, at most. */
  keptSeconds: number;
  /** When the newest sample of any pool was taken. Null without samples. */
  lastAt: Date | null;
  /** When the next round is due, which may be past. Null when no samples are taken, or none has been yet. */
  nextAt: Date | null;
}

export interface HealthHistoryOperations {
  /**
   * The samples of each pool, in the order asked, summed up in intervals of `stepSeconds` (30 to 86,400, default 300),
   * newest first; with `since`, only samples from then on. Intervals without samples are left out. Permission read.
   * BAD_INPUT, also for a name that no pool can have; a pool that does not exist has no intervals.
   */
  list(
    access: Access,
    params: PageParams & { pools: readonly string[]; stepSeconds?: number | null; since?: Date | null },
  ): Promise<Page<HealthInterval>[]>;
  /**
   * The last hour of each pool in intervals of five minutes, oldest first, those without samples too. In the order
   * asked. Permission read.
   */
  lastHour(access: Access, params: { pools: readonly string[] }): Promise<HealthInterval[][]>;
  /** How each operation went in each interval, over the samples at which the storage answered. Permission read. */
  operations(
    access: Access,
    params: { intervals: readonly Pick<HealthInterval, "pool" | "from" | "until">[] },
  ): Promise<OperationInterval[][]>;
  /** How often samples are taken, and when the last one was. Permission read. */
  sampling(access: Access, params: Record<string, never>): Promise<HealthSampling>;
  /**
   * For the schedule: needs no role. Checks every pool and stores each result as soon as it is known, then deletes old
   * samples. A result that cannot be stored is only logged. When `signal` aborts, checks that still run are dropped.
   */
  sample(signal: AbortSignal): Promise<void>;
}

const DEFAULT_STEP_SECONDS = 300;
const MIN_STEP_SECONDS = 30;
const MAX_STEP_SECONDS = 86_400;
const HOUR = { stepSeconds: 300, steps: 12 };

export function createHealthHistoryOperations(
  context: OperationContext,
  { checks, problemRounds }: { checks: PoolChecks; problemRounds: Pick<ProblemRounds, "notePools"> },
): HealthHistoryOperations {
  const { history, limits, warn } = context;
  const stored = new WeakSet<object>();

  async function samplePool(pool: string, aborted: Promise<null>): Promise<PoolCheck | null> {
    const health = await Promise.race([checks.check(pool), aborted]);
    // A check is shared for ten seconds, and stored once.
    if (health === null || stored.has(health)) return health;
    stored.add(health);
    await history.add({
      pool,
      reachable: health.storageReachable,
      errorCode: health.errorCode,
      operations: health.operations.map(({ operation, durationSeconds, errorCode }) => ({
        operation,
        milliseconds: durationSeconds * 1000,
        errorCode,
      })),
    });
    return health;
  }

  return {
    async list(access, { pools, stepSeconds, since, page }) {
      requirePermission(access, "read");
      if (since !== null && since !== undefined && Number.isNaN(since.getTime())) {
        throw badInput("since", "since must be an instant.");
      }
      const step = stepSeconds ?? DEFAULT_STEP_SECONDS;
      return history.intervals({
        pools: checkBatch(limits, "pools", pools).map((pool) => checkName("pools", pool)),
        stepSeconds: checkWhole("stepSeconds", step, MIN_STEP_SECONDS, MAX_STEP_SECONDS),
        ...(since === null || since === undefined ? {} : { since }),
        page: pageRequest(limits, page),
      });
    },

    async lastHour(access, { pools }) {
      requirePermission(access, "read");
      return history.latest({ pools: checkBatch(limits, "pools", pools), ...HOUR });
    },

    async operations(access, { intervals }) {
      requirePermission(access, "read");
      return history.operations(checkBatch(limits, "intervals", intervals));
    },

    async sampling(access) {
      requirePermission(access, "read");
      const { everySeconds, keptSeconds } = history;
      const lastAt = await history.lastAt();
      const off = everySeconds === 0;
      const nextAt = off || lastAt === null ? null : new Date(lastAt.getTime() + everySeconds * 1000);
      return { everySeconds: off ? null : everySeconds, keptSeconds, lastAt, nextAt };
    },

    async sample(signal) {
      if (signal.aborted) return;
      const { promise: aborted, resolve } = Promise.withResolvers<null>();
      const abort = () => resolve(null);
      // The signal lives as long as the process, so a listener that stays on it leaks.
      signal.addEventListener("abort", abort);
      try {
        const names = await checks.names();
        const taken = await Promise.all(
          names.map((pool) =>
            samplePool(pool, aborted).catch((error: unknown) => {
              warn(`The health sample of the pool ${pool} could not be stored`, error);
              return null;
            }),
          ),
        );
        if (signal.aborted) return;
        const known = taken.filter((check) => check !== null);
        if (known.length === names.length) await problemRounds.notePools(known);
        await history.trim();
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
  };
}
