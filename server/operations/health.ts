import { type Access, requireRole } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { DriverHealth, OperationHealth } from "../storage/data-driver.ts";
import type { OperationContext } from "./context.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { withDeadline } from "./deadline.ts";
import type { GcOperations } from "./gc.ts";
import { poolNames } from "./pool-names.ts";

export interface PoolHealth {
  pool: string;
  /** The pool that is the same server and namespace, as can come of registering without verifying. Null: none that is known now. */
  sameAs: string | null;
  storageReachable: boolean;
  operations: OperationHealth[];
  /** When this was really tried; at most 10 s ago. */
  checkedAt: Date;
}

export interface HealthReport {
  /** pass: all well. warn: something needs attention (a pool, a missing dead letter queue). fail: the control database cannot be reached. */
  status: "pass" | "warn" | "fail";
  control: { reachable: boolean; seconds: number };
  /** The built-in pool first. When the control database cannot say which there are: those that were known last. */
  pools: PoolHealth[];
  /** The last collection of all pools in this process; null before the first. */
  gc: { at: Date; seconds: number; messages: number; claims: number; subscriptions: number; queues: number } | null;
  /** For people: what is wrong and what to do. */
  warnings: string[];
}

export interface HealthOperations {
  /** Never fails but for FORBIDDEN. Every pool is really tried, at most once per 10 s whoever asks, and a pool that hangs delays the answer by 10 s at most. */
  check(access: Access, params: Record<string, never>): Promise<HealthReport>;
  /** Is the control database there? For readiness; remembered for a second. Asks for no rights. */
  isReady(): Promise<boolean>;
}

const REMEMBER_POOL_MS = 10_000;
const REMEMBER_CONTROL_MS = 1000;
const POOL_DEADLINE_MS = 10_000;

/** `identity` is null for a pool that could not be opened. */
type CheckedPool = Omit<PoolHealth, "sameAs"> & { identity: string | null };

interface Remembered<T> {
  startedAt: number;
  answer: Promise<T>;
}

export function createHealthOperations(
  context: OperationContext,
  parts: { deadLetters: DeadLetters; gc: GcOperations },
): HealthOperations {
  const { control, data, now } = context;
  const checks = new Map<string, Remembered<CheckedPool>>();
  let controlCheck: Remembered<{ reachable: boolean; seconds: number }> | null = null;
  let knownPools: string[] = [];

  /** Shared by all who ask within the time; the next one begins a new check. */
  function checkPool(pool: string): Promise<CheckedPool> {
    const known = checks.get(pool);
    if (known !== undefined && now() - known.startedAt < REMEMBER_POOL_MS) return known.answer;
    const answer = tryPool(pool).then((health) => ({ pool, ...health, checkedAt: new Date() }));
    checks.set(pool, { startedAt: now(), answer });
    return answer;
  }

  async function tryPool(pool: string): Promise<DriverHealth & { identity: string | null }> {
    const lost = { storageReachable: false, operations: [], identity: null };
    const tried = async (): Promise<DriverHealth & { identity: string | null }> => {
      const driver = await data.pool(pool);
      return { ...(await driver.health()), identity: driver.identity };
    };
    try {
      return await withDeadline(tried(), POOL_DEADLINE_MS, () => lost);
    } catch (error) {
      context.warn(`The pool ${pool} could not be checked`, error);
      return lost;
    }
  }

  function checkControl(): Promise<{ reachable: boolean; seconds: number }> {
    if (controlCheck !== null && now() - controlCheck.startedAt < REMEMBER_CONTROL_MS) return controlCheck.answer;
    const startedAt = now();
    const answer = control.isAlive().then((reachable) => ({ reachable, seconds: (now() - startedAt) / 1000 }));
    controlCheck = { startedAt, answer };
    return answer;
  }

  async function pools(): Promise<string[]> {
    try {
      knownPools = await poolNames(control);
      for (const pool of checks.keys()) if (!knownPools.includes(pool)) checks.delete(pool);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
    return knownPools;
  }

  return {
    async check(access) {
      requireRole(access, "viewer");
      const controlHealth = await checkControl();
      const names = controlHealth.reachable ? await pools() : knownPools;
      const checked = withDoubles(await Promise.all(names.map(checkPool)));
      const last = parts.gc.last();
      // The check of the control database has told already when it is away.
      const missing = await parts.deadLetters.missing().catch(() => []);
      const warnings = [
        ...(controlHealth.reachable
          ? []
          : ["The control database cannot be reached. Check that it runs and DATABASE_URL is right."]),
        ...checked.flatMap(poolWarnings),
        ...(last?.report.pools ?? []).flatMap(({ pool, error }) =>
          error === null ? [] : [`Garbage collection failed in the pool ${pool}: ${error}`],
        ),
        ...missing
          .filter(visibleTo(access))
          .map(
            ({ project, queue, deadLetterQueue }) =>
              `The queue ${queue} of the project "${project}" has messages for its dead letter queue ${deadLetterQueue}, which does not exist. Create it.`,
          ),
      ];
      const status = !controlHealth.reachable ? "fail" : warnings.length > 0 ? "warn" : "pass";
      const gc = last === null ? null : { at: last.at, seconds: last.report.seconds, ...last.report.total };
      return { status, control: controlHealth, pools: checked, gc, warnings };
    },

    isReady: async () => (await checkControl()).reachable,
  };
}

/** Of pools that are one store the first, which is the built-in one if that is among them, is the one that the others are the same as. */
function withDoubles(pools: readonly CheckedPool[]): PoolHealth[] {
  const firsts = new Map<string, string>();
  return pools.map(({ identity, ...health }) => {
    const first = identity === null ? undefined : firsts.get(identity);
    if (identity !== null && first === undefined) firsts.set(identity, health.pool);
    return { ...health, sameAs: first ?? null };
  });
}

function visibleTo(access: Access): (queue: { project: string }) => boolean {
  return ({ project }) => access.projects === "all" || access.projects.includes(project);
}

function poolWarnings({ pool, storageReachable, operations, sameAs }: PoolHealth): string[] {
  if (!storageReachable)
    return [`The pool ${pool} cannot be reached. Its queues are not available; check its server and URI.`];
  const failed = operations.filter(({ succeeded }) => !succeeded).map(({ operation }) => operation);
  return [
    ...(failed.length === 0 ? [] : [`In the pool ${pool} these operations fail: ${failed.join(", ")}.`]),
    ...(sameAs === null
      ? []
      : [
          `The pool ${pool} is the same server and namespace as the pool ${sameAs}. Give it no new queues, move those that it has to a third pool, and delete it.`,
        ]),
  ];
}
