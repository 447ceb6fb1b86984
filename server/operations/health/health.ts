import { type Access, requirePermission } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { judgePool } from "../../problems/pool-rules.ts";
import type { Problem } from "../../problems/problem.ts";
import { gcProblems, lossProblem } from "../../problems/service-rules.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import { refusalReason, type WriteRefusal } from "../../storage/errors/read-only-storage.ts";
import type { OperationContext } from "../context.ts";
import { checkBatch } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import { MAX_MISSING, type MissingDeadLetterQueues } from "../lifecycle/missing-dead-letter-queues.ts";
import type { PoolChecks } from "../pool-facts/health-checks.ts";
import type { Refusals } from "../pool-facts/refusals.ts";
import { type CheckedPool, type ControlHealth, type PoolHealth, twinsOf, withDuplicates } from "./record.ts";
import { controlWarnings, KNOWN_KINDS, MAX_KNOWN, problemWarnings } from "./warnings.ts";

export interface HealthReport {
  /**
   * - pass: no warnings.
   * - warn: something needs attention, such as a pool or a missing dead letter queue.
   * - fail: the control database cannot be reached.
   */
  status: "pass" | "warn" | "fail";
  control: ControlHealth;
  /** The built-in pool first. While the control database does not answer: the pools that were known last. */
  pools: PoolHealth[];
  /** The last collection of all pools, by any process. Null before the first, and when it could not be read. */
  gc: {
    at: Date;
    durationSeconds: number;
    messages: number;
    claims: number;
    subscriptions: number;
    queues: number;
  } | null;
  /** Sentences for people: what is wrong and what to do. Without what is snoozed. */
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
   * not registered. At most MAX_PAGE_SIZE. Permission read.
   */
  pools(access: Access, params: { pools: readonly string[] }): Promise<BatchResult<PoolHealth>[]>;
  /**
   * For readiness: why this process should get no requests, or null. Reasons: its control database cannot be reached,
   * takes no writes, or failed half of the calls of the last ten seconds. Needs no role.
   */
  notReady(): Promise<string | null>;
}

/** Snoozes that are read, those that last longest. */
const MAX_SNOOZED = 1000;
const REMEMBER_CONTROL_MS = 1000;
/** For the whole answer. Each step gets the time that the steps before it left. */
const DEADLINE_MS = 9500;
/** How long readiness waits for a check of a control database that took no writes. */
const READY_LOOK_MS = 2000;

export function createHealthOperations(
  context: OperationContext,
  parts: {
    missingDeadLetterQueues: MissingDeadLetterQueues;
    checks: PoolChecks;
    refusals: Refusals;
  },
): HealthOperations {
  const { control, problems, limits, now: clock } = context;
  const { checks, refusals } = parts;
  const checkControl = controlCheck(context);

  /** Checks again only while a refusal is known. */
  async function controlRefusesWrites(): Promise<WriteRefusal | null> {
    if (refusals.ofWrites(DEFAULT_POOL) !== null) await checks.check(DEFAULT_POOL, READY_LOOK_MS);
    return refusals.ofWrites(DEFAULT_POOL);
  }

  /** Starts DEADLINE_MS now. Returns a function that tells how many milliseconds are left. */
  function countdown(): () => number {
    const until = clock() + DEADLINE_MS;
    return () => Math.max(0, until - clock());
  }

  /** What others found that this check does not find. */
  async function knownProblems({ rights: { read: projects } }: Access): Promise<Problem[]> {
    const filter = { kinds: KNOWN_KINDS, projects };
    return (await problems.list({ page: { limit: MAX_KNOWN + 1 }, filter })).items;
  }

  function withRefusal(health: CheckedPool): PoolHealth {
    const reason = refusals.ofWrites(health.pool);
    return { ...health, writesRefused: reason === null ? null : `${refusalReason(reason)}.` };
  }

  return {
    async check(access) {
      requirePermission(access, "read");
      const left = countdown();
      const controlHealth = await checkControl();
      const names = controlHealth.reachable
        ? await withDeadline(checks.names(), left(), () => checks.known())
        : checks.known();
      // Nothing is known when the control database fails: `checkControl` reports that.
      const orElse = <T, E>(work: Promise<T>, otherwise: E) =>
        withDeadline<T | E>(
          work.catch(() => otherwise),
          left(),
          () => otherwise,
        );
      const [tried, missing, losses, twins, last, known, silent, now] = await Promise.all([
        Promise.all(names.map((pool) => checks.check(pool, left()))),
        orElse(parts.missingDeadLetterQueues.recent(access), []),
        orElse(control.pools.listLosses(), []),
        orElse(control.pools.listTwins(), []),
        orElse(control.collections.last(), null),
        orElse(knownProblems(access), []),
        orElse(problems.snoozed(MAX_SNOOZED), []),
        orElse(problems.now(), new Date()),
      ]);
      const checked = withDuplicates(tried, twinsOf(twins)).map(withRefusal);
      const found = [
        // What is almost full still works: it is told once it is known.
        ...checked
          .flatMap((check) => judgePool({ check, refusal: refusals.ofWrites(check.pool), before: [], now, limits }))
          .filter(({ kind }) => kind !== "disk"),
        ...losses.map(lossProblem),
        // That a pool does not answer is told above, and no collection can succeed there meanwhile.
        ...gcProblems(
          last,
          checked.filter(({ storageReachable }) => storageReachable).map(({ pool }) => pool),
        ),
        ...missing.slice(0, MAX_MISSING),
      ];
      const warnings = [...controlWarnings(controlHealth), ...problemWarnings(found, known, silent, now)];
      if (missing.length > MAX_MISSING) {
        warnings.push(`More than ${MAX_MISSING} queues name a dead letter queue that does not exist.`);
      }
      const status = !controlHealth.reachable ? "fail" : warnings.length > 0 ? "warn" : "pass";
      // What was deleted is of all projects.
      const gc = last &&
        access.rights.read === "all" && { at: last.at, durationSeconds: last.durationSeconds, ...last.total };
      return { status, control: controlHealth, pools: checked, gc: gc || null, warnings };
    },

    async pools(access, params) {
      requirePermission(access, "read");
      const left = countdown();
      const names = checkBatch(limits, "pools", params.pools).map((name) => checkName("pools", name));
      const registered = new Set((await control.pools.getMany(names)).map(({ name }) => name)).add(DEFAULT_POOL);
      const checked = await Promise.all(
        names.filter((name) => registered.has(name)).map((name) => checks.check(name, left())),
      );
      const identities = checked.flatMap(({ identity }) => identity ?? []);
      const [holders, twins] = await Promise.all([
        withDeadline(control.pools.findByIdentities(identities), left(), () => []),
        withDeadline(control.pools.listTwins(), left(), () => []),
      ]);
      const recorded = twinsOf(twins);
      const health = new Map(
        checked.map(({ identity, ...found }) => {
          const seen = identity === null ? recorded.get(found.pool) : holders[identities.indexOf(identity)];
          const holder = seen ?? null;
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

/** Returns a function that checks whether the control database answers. Its callers share one answer for a second. */
function controlCheck({ control, now }: Pick<OperationContext, "control" | "now">): () => Promise<ControlHealth> {
  let last: { startedAt: number; answer: Promise<ControlHealth> } | null = null;
  return () => {
    if (last !== null && now() - last.startedAt < REMEMBER_CONTROL_MS) return last.answer;
    const startedAt = now();
    const answer = control.isAlive().then((reachable) => ({ reachable, durationSeconds: (now() - startedAt) / 1000 }));
    last = { startedAt, answer };
    return answer;
  };
}

function poolDoesNotExist(pool: string): DomainError {
  return new DomainError("POOL_DOES_NOT_EXIST", `There is no pool named ${JSON.stringify(pool)}.`, {
    details: { pool },
  });
}
