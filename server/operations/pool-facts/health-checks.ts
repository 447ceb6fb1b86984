import { DomainError, type ErrorCode } from "../../errors.ts";
import type { OperationHealth } from "../../storage/data-driver.ts";
import { withDeadline } from "../../storage/deadline.ts";
import type { OperationContext } from "../context.ts";
import { poolNames } from "./names.ts";
import type { Refusals } from "./refusals.ts";

export interface PoolCheck {
  pool: string;
  /** Which store it is; null for a pool that could not be opened. */
  identity: string | null;
  storageReachable: boolean;
  /** Why it is not reachable; else null. */
  errorCode: ErrorCode | null;
  /** What it can still take, where the storage tells. */
  freeBytes: number | null;
  operations: OperationHealth[];
  /** When this was really tried; at most 10 s ago. */
  checkedAt: Date;
}

/** Pools are really tried, at most once per 10 s whoever asks; one that hangs delays no other pool. Never fails. */
export interface PoolChecks {
  /**
   * Waits `milliseconds` at most, by default for as long as a try may take. What is not known by then counts as not
   * reachable.
   */
  check(pool: string, milliseconds?: number): Promise<PoolCheck>;
  /** The built-in pool first. When the control database cannot say which there are: those that were known last. */
  names(): Promise<string[]>;
  /** Those that were known last. */
  known(): string[];
}

const REMEMBER_MS = 10_000;
/**
 * Less than an operation over GraphQL may take, so that a pool that hangs is named and does not cost the whole answer.
 */
const DEADLINE_MS = 8000;

type Tried = Omit<PoolCheck, "pool" | "checkedAt">;

/** `refusals` hears whether each pool takes writes. */
export function createPoolChecks(
  { control, data, now, warn }: OperationContext,
  { refusals }: { refusals: Refusals },
): PoolChecks {
  const checks = new Map<string, { startedAt: number; answer: Promise<PoolCheck> }>();
  /** Told about once until they are there again: the sampler asks all day. */
  const lostPools = new Set<string>();
  let known: string[] = [];

  async function tryPool(pool: string): Promise<Tried> {
    const startedAt = now();
    try {
      const tried = async (): Promise<Tried> => {
        const driver = await data.pool(pool);
        const { writesRefused, ...health } = await driver.health();
        if (writesRefused !== null) refusals.refused(pool, writesRefused);
        else if (health.storageReachable) refusals.takesWrites(pool, startedAt);
        const errorCode = health.storageReachable ? null : (health.operations[0]?.errorCode ?? "STORAGE_UNAVAILABLE");
        return { ...health, identity: driver.identity, errorCode };
      };
      const found = await withDeadline(tried(), DEADLINE_MS, () => lost("DEADLINE_EXCEEDED"));
      lostPools.delete(pool);
      data.noteReachable(pool, found.storageReachable && refusals.ofWrites(pool) === null);
      return found;
    } catch (error) {
      if (!lostPools.has(pool)) warn(`The pool ${pool} could not be checked`, error);
      lostPools.add(pool);
      return lost(error instanceof DomainError ? error.code : "INTERNAL");
    }
  }

  return {
    /** Shared by all who ask within the time; the next one begins a new check. */
    check(pool, milliseconds = DEADLINE_MS) {
      let last = checks.get(pool);
      if (last === undefined || now() - last.startedAt >= REMEMBER_MS) {
        const answer = tryPool(pool).then((tried) => ({ pool, ...tried, checkedAt: new Date() }));
        last = { startedAt: now(), answer };
        checks.set(pool, last);
      }
      const late = () => ({ pool, ...lost("DEADLINE_EXCEEDED"), checkedAt: new Date() });
      return withDeadline(last.answer, milliseconds, late);
    },
    async names() {
      try {
        known = await poolNames(control);
        for (const pool of checks.keys()) {
          if (known.includes(pool)) continue;
          checks.delete(pool);
          lostPools.delete(pool);
        }
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
      }
      return known;
    },
    known: () => known,
  };
}

function lost(errorCode: ErrorCode): Tried {
  return {
    identity: null,
    storageReachable: false,
    errorCode,
    freeBytes: null,
    operations: [],
  };
}
