import { DomainError, type ErrorCode } from "../../errors.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import type { OperationHealth } from "../../storage/driver-health.ts";
import type { OperationContext } from "../context.ts";
import { poolNames } from "./names.ts";
import type { Refusals } from "./refusals.ts";

/** The result of a check: real operations, done once in the pool. */
export interface PoolCheck {
  pool: string;
  /** The store's identity. Null for a pool that could not be opened. */
  identity: string | null;
  storageReachable: boolean;
  /** Why it is not reachable; else null. */
  errorCode: ErrorCode | null;
  /** Space left in the storage, and space in all. Null when the storage does not tell. */
  freeBytes: number | null;
  totalBytes: number | null;
  operations: OperationHealth[];
  /** When the check was done, or when the caller stopped waiting for it. */
  checkedAt: Date;
}

/** Checks pools. All callers share one check of a pool for ten seconds. A pool that hangs does not delay the others. */
export interface PoolChecks {
  /**
   * Checks a pool, or returns the check of the last ten seconds. Waits at most `milliseconds`, by default as long as a
   * check may take; a pool without a result by then counts as unreachable. Never fails.
   */
  check(pool: string, milliseconds?: number): Promise<PoolCheck>;
  /** All pools, the built-in one first. While the control database does not answer: the pools that were known last. */
  names(): Promise<string[]>;
  /** The pools that were known last. */
  known(): string[];
}

const REMEMBER_MS = 10_000;
/** Less than a GraphQL operation may take, so that a pool that hangs is named and does not cost the whole answer. */
const DEADLINE_MS = 8000;

type Result = Omit<PoolCheck, "pool" | "checkedAt">;

/** Tells `refusals` whether each pool takes writes. */
export function createPoolChecks(
  { control, data, now, warn }: OperationContext,
  { refusals }: { refusals: Refusals },
): PoolChecks {
  const checks = new Map<string, { startedAt: number; answer: Promise<PoolCheck> }>();
  /** Pools whose last check threw an error. Only the first error is logged, because the sampler checks all the time. */
  const failing = new Set<string>();
  let known: string[] = [];

  async function checkNow(pool: string): Promise<Result> {
    const startedAt = now();
    try {
      const probe = async (): Promise<Result> => {
        const driver = await data.pool(pool);
        const { writesRefused, ...health } = await driver.health();
        if (writesRefused !== null) refusals.refused(pool, writesRefused);
        else if (health.storageReachable) refusals.takesWrites(pool, startedAt);
        const errorCode = health.storageReachable ? null : (health.operations[0]?.errorCode ?? "STORAGE_UNAVAILABLE");
        return { ...health, identity: driver.identity, errorCode };
      };
      const found = await withDeadline(probe(), DEADLINE_MS, () => unreachable("DEADLINE_EXCEEDED"));
      failing.delete(pool);
      data.noteReachable(pool, found.storageReachable && refusals.ofWrites(pool) === null);
      return found;
    } catch (error) {
      if (!failing.has(pool)) warn(`The pool ${pool} could not be checked`, error);
      failing.add(pool);
      return unreachable(error instanceof DomainError ? error.code : "INTERNAL");
    }
  }

  return {
    check(pool, milliseconds = DEADLINE_MS) {
      let last = checks.get(pool);
      if (last === undefined || now() - last.startedAt >= REMEMBER_MS) {
        const answer = checkNow(pool).then((result) => ({ pool, ...result, checkedAt: new Date() }));
        last = { startedAt: now(), answer };
        checks.set(pool, last);
      }
      const late = () => ({ pool, ...unreachable("DEADLINE_EXCEEDED"), checkedAt: new Date() });
      return withDeadline(last.answer, milliseconds, late);
    },
    async names() {
      try {
        known = await poolNames(control);
        for (const pool of checks.keys()) {
          if (known.includes(pool)) continue;
          checks.delete(pool);
          failing.delete(pool);
        }
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
      }
      return known;
    },
    known: () => known,
  };
}

function unreachable(errorCode: ErrorCode): Result {
  return {
    identity: null,
    storageReachable: false,
    errorCode,
    freeBytes: null,
    totalBytes: null,
    operations: [],
  };
}
