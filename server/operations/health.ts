import { type Access, requireRole } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { BatchResult } from "../storage/batch-result.ts";
import { DEFAULT_POOL } from "../storage/data-driver.ts";
import { withDeadline } from "../storage/deadlines/deadline.ts";
import { refusalReason, type WriteRefusal } from "../storage/errors/read-only-storage.ts";
import type { OperationContext } from "./context.ts";
import type { GcOperations } from "./gc.ts";
import { checkBatch } from "./input/limits.ts";
import { checkName } from "./input/names.ts";
import type { MissingDeadLetterQueues } from "./lifecycle/missing-dead-letter-queues.ts";
import type { PoolCheck, PoolChecks } from "./pool-facts/health-checks.ts";
import type { Refusals } from "./pool-facts/refusals.ts";

export interface PoolHealth extends Omit<PoolCheck, "identity"> {
  /**
   * A sentence that says why the pool takes no writes although it answers: a call of this process or a check was
   * refused, and no later check was accepted. Else null.
   */
  writesRefused: string | null;
  /**
   * The pool that is the same server and namespace. That can happen when a pool is registered without verifying. Null:
   * no such pool is known now.
   */
  sameAs: string | null;
}

type Checked = Omit<PoolHealth, "writesRefused">;

export interface HealthReport {
  /**
   * - pass: no warnings.
   * - warn: something needs attention, such as a pool or a missing dead letter queue.
   * - fail: the control database cannot be reached.
   */
  status: "pass" | "warn" | "fail";
  control: { reachable: boolean; durationSeconds: number };
  /** The built-in pool first. While the control database does not answer: the pools that were known last. */
  pools: PoolHealth[];
  /** This process's last collection of all pools; null before the first. */
  gc: {
    at: Date;
    durationSeconds: number;
    messages: number;
    claims: number;
    subscriptions: number;
    queues: number;
  } | null;
  /** Sentences for people: what is wrong and what to do. */
  warnings: string[];
}

export interface HealthOperations {
  /**
   * Checks the control database and every pool. Does real operations in each pool, at most once per 10 s whoever asks.
   * Answers within 10 s; what has not answered by then counts as unreachable. Never fails, except with FORBIDDEN. Role
   * viewer.
   *
   * A pool that lost what it held stays in the warnings, in every process and after restarts, until an operator sets
   * the pool's URI again (even to the same one) or deletes the pool.
   */
  check(access: Access, params: Record<string, never>): Promise<HealthReport>;
  /**
   * The health of these pools, in the order given. Shares the checks of `check`. POOL_DOES_NOT_EXIST for one that is
   * not registered. At most MAX_PAGE_SIZE. Role viewer.
   */
  pools(access: Access, params: { pools: readonly string[] }): Promise<BatchResult<PoolHealth>[]>;
  /**
   * For readiness: why this process should get no requests, or null. Reasons: its control database cannot be reached,
   * takes no writes, or failed half of the calls of the last ten seconds. Needs no role.
   */
  notReady(): Promise<string | null>;
}

const REMEMBER_CONTROL_MS = 1000;
/** For the whole answer. Each step gets the time that the steps before it left. */
const DEADLINE_MS = 9500;
/** How long readiness waits for a check of a control database that took no writes. */
const READY_LOOK_MS = 2000;

export function createHealthOperations(
  context: OperationContext,
  parts: {
    missingDeadLetterQueues: MissingDeadLetterQueues;
    gc: GcOperations;
    checks: PoolChecks;
    refusals: Refusals;
  },
): HealthOperations {
  const { control, limits, now } = context;
  const { checks, refusals } = parts;
  let controlCheck: { startedAt: number; answer: Promise<{ reachable: boolean; durationSeconds: number }> } | null =
    null;

  function checkControl(): Promise<{ reachable: boolean; durationSeconds: number }> {
    if (controlCheck !== null && now() - controlCheck.startedAt < REMEMBER_CONTROL_MS) return controlCheck.answer;
    const startedAt = now();
    const answer = control.isAlive().then((reachable) => ({ reachable, durationSeconds: (now() - startedAt) / 1000 }));
    controlCheck = { startedAt, answer };
    return answer;
  }

  /** Checks again only while a refusal is known. */
  async function controlRefusesWrites(): Promise<WriteRefusal | null> {
    if (refusals.ofWrites(DEFAULT_POOL) !== null) await checks.check(DEFAULT_POOL, READY_LOOK_MS);
    return refusals.ofWrites(DEFAULT_POOL);
  }

  /** Starts DEADLINE_MS now. Returns a function that tells how many milliseconds are left. */
  function countdown(): () => number {
    const until = now() + DEADLINE_MS;
    return () => Math.max(0, until - now());
  }

  function withRefusal(health: Checked): PoolHealth {
    const reason = refusals.ofWrites(health.pool);
    return { ...health, writesRefused: reason === null ? null : `${refusalReason(reason)}.` };
  }

  return {
    async check(access) {
      requireRole(access, "viewer");
      const left = countdown();
      const controlHealth = await checkControl();
      const names = controlHealth.reachable
        ? await withDeadline(checks.names(), left(), () => checks.known())
        : checks.known();
      // Empty when the control database fails: `checkControl` reports that.
      const orEmpty = <T>(work: Promise<T[]>) =>
        withDeadline(
          work.catch(() => []),
          left(),
          () => [],
        );
      const [tried, missing, losses] = await Promise.all([
        Promise.all(names.map((pool) => checks.check(pool, left()))),
        orEmpty(parts.missingDeadLetterQueues.warnings(access)),
        orEmpty(control.pools.listLosses()),
      ]);
      const checked = withDuplicates(tried).map(withRefusal);
      const last = parts.gc.last();
      const warnings = [
        ...(controlHealth.reachable
          ? []
          : ["The control database cannot be reached. Check that it runs and DATABASE_URL is right."]),
        ...checked.flatMap((pool) => [...refusalWarning(pool, refusals.ofWrites(pool.pool)), ...poolWarnings(pool)]),
        ...losses.map(lossWarning),
        ...(last?.report.pools ?? []).flatMap(({ pool, error }) =>
          error === null ? [] : [`Garbage collection failed in the pool ${pool}: ${error}`],
        ),
        ...missing,
      ];
      const status = !controlHealth.reachable ? "fail" : warnings.length > 0 ? "warn" : "pass";
      const gc =
        last === null ? null : { at: last.at, durationSeconds: last.report.durationSeconds, ...last.report.total };
      return { status, control: controlHealth, pools: checked, gc, warnings };
    },

    async pools(access, params) {
      requireRole(access, "viewer");
      const left = countdown();
      const names = checkBatch(limits, "pools", params.pools).map((name) => checkName("pools", name));
      const registered = new Set((await control.pools.getMany(names)).map(({ name }) => name)).add(DEFAULT_POOL);
      const checked = await Promise.all(
        names.filter((name) => registered.has(name)).map((name) => checks.check(name, left())),
      );
      const identities = checked.flatMap(({ identity }) => identity ?? []);
      const holders = await withDeadline(control.pools.findByIdentities(identities), left(), () => []);
      const health = new Map(
        checked.map(({ identity, ...found }) => {
          const holder = identity === null ? null : (holders[identities.indexOf(identity)] ?? null);
          return [found.pool, withRefusal({ ...found, sameAs: holder === found.pool ? null : holder })];
        }),
      );
      return names.map((name) => health.get(name) ?? poolDoesNotExist(name));
    },

    async notReady() {
      if (!(await checkControl()).reachable) return "The control database cannot be reached.";
      if (refusals.areMostCalls()) {
        return "The control database failed at least half of this process's calls of the last 10 seconds.";
      }
      const reason = await controlRefusesWrites();
      return reason === null ? null : `The control database takes no writes. ${refusalReason(reason)}.`;
    },
  };
}

function poolDoesNotExist(pool: string): DomainError {
  return new DomainError("POOL_DOES_NOT_EXIST", `There is no pool named ${JSON.stringify(pool)}.`, {
    details: { pool },
  });
}

/**
 * Sets `sameAs` on pools that are one store: all but the first name the first. The built-in pool always comes first.
 */
function withDuplicates(pools: readonly PoolCheck[]): Checked[] {
  const firsts = new Map<string, string>();
  return pools.map(({ identity, ...health }) => {
    const first = identity === null ? undefined : firsts.get(identity);
    if (identity !== null && first === undefined) firsts.set(identity, health.pool);
    return { ...health, sameAs: first ?? null };
  });
}

function lossWarning({ pool, at }: { pool: string; at: Date }): string {
  return (
    `The pool ${pool} came back without what its queues held: ` +
    `on ${at.toISOString()} its storage was found empty, or was another one. ` +
    "Check that it keeps its data on disk, and post again what you can. " +
    "Then update the pool with its URI, which ends this warning."
  );
}

/** What is wrong, and what an operator can do about it. */
const REFUSALS: Record<WriteRefusal, (pool: string) => string> = {
  "disk-full": (pool) => `The disk of the pool ${pool} is full. Free some space there`,
  "memory-full": (pool) => `The memory of the pool ${pool} is full. Raise its server's maxmemory, or delete messages`,
  "out-of-memory": (pool) => `The server of the pool ${pool} is out of memory. Give it more, or fewer connections`,
  "read-only": (pool) => `The pool ${pool} is read-only. Make it writable, or give it the URI of its primary server`,
  "disk-failing": (pool) => `The pool ${pool} cannot write to its disk. Check whether it is full, and read its log`,
  "too-few-replicas": (pool) => `The pool ${pool} has too few replicas to take writes. Start them again`,
};

function refusalWarning({ pool, storageReachable, freeBytes }: PoolHealth, reason: WriteRefusal | null): string[] {
  if (reason === null || !storageReachable) return [];
  const left = freeBytes === null ? "" : ` (${freeBytes} bytes are free)`;
  return [`${REFUSALS[reason](pool)}${left}. Until then it can only be read. It recovers by itself.`];
}

function poolWarnings({ pool, storageReachable, operations, sameAs }: PoolHealth): string[] {
  if (!storageReachable) {
    return [`The pool ${pool} cannot be reached, so its queues are not available. Check its server and URI.`];
  }
  const failed = operations.filter(({ succeeded }) => !succeeded).map(({ operation }) => operation);
  return [
    ...(failed.length === 0 ? [] : [`In the pool ${pool} these operations fail: ${failed.join(", ")}.`]),
    ...(sameAs === null
      ? []
      : [
          `The pool ${pool} is the same server and namespace as the pool ${sameAs}. ` +
            "Give it no new queues, move those that it has to a third pool, and delete it.",
        ]),
  ];
}
