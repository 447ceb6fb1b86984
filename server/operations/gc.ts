import type { Access } from "../access/access.ts";
import { NEEDS, requireNeed } from "../access/needs.ts";
import { DomainError, hasCode, isUnavailable } from "../errors.ts";
import { FailureLog } from "../failure-log.ts";
import type { Collection } from "../storage/control-driver.ts";
import { withDeadline } from "../storage/deadlines/deadline.ts";
import type { GcResult } from "../storage/driver-health.ts";
import { isWriteRefusal } from "../storage/errors/read-only-storage.ts";
import { queueKey } from "../storage/queue-ref.ts";
import type { OperationContext } from "./context.ts";
import { settleTransfers } from "./jobs/settle-transfers.ts";
import type { QueueLifecycle } from "./lifecycle/queue-lifecycle.ts";
import { poolNames } from "./pool-facts/names.ts";
import type { UndoOperations } from "./undo/undo.ts";

export interface GcReport {
  pools: { pool: string; collected: GcResult | null; error: string | null }[];
  total: GcResult;
  durationSeconds: number;
}

export interface GcOperations {
  /**
   * Collects garbage in one pool or in all: what has expired, or was purged or deleted. A collection of all pools also
   *
   * - frees what deleted queues left because their pool could not be reached,
   * - ends undos that were broken off, and forgets those whose time was over a day ago,
   * - finishes transfers between pools that jobs have left: see settleTransfers,
   * - deletes expired entries of key-value stores, audit entries older than AUDIT_DAYS, sessions and one-time links
   *   that are over, jobs that ended JOB_DAYS ago, dry runs without a job, samples of queues that are too old, and
   *   consumers that have been silent for a week,
   * - repairs the records' columns about dead letter queues that older versions did not write.
   *
   * A pool that fails is in the report, and does not stop the others. The log gets one line when it starts to fail and
   * one when it recovers. That of all pools is recorded for health. Needs the permission operate in all projects.
   * POOL_DOES_NOT_EXIST.
   */
  collect(access: Access, params: { pool?: string | null }): Promise<GcReport>;
}

/** Catalogue entries that one collection checks. The next one continues after them. */
const SWEEP_SIZE = 500;
/**
 * Audit entries or jobs that one statement deletes, and statements in one collection. The next one deletes the rest.
 */
const TRIM_SIZE = 1000;
const TRIM_STATEMENTS = 20;
/** Time limit for one pool: a slow pool must not delay the next collection of the others. */
const POOL_DEADLINE_MS = 60_000;
const NOTHING: GcResult = { messages: 0, claims: 0, subscriptions: 0, queues: 0 };

export function createGcOperations(
  context: OperationContext,
  { lifecycle, undo }: { lifecycle: QueueLifecycle; undo: Pick<UndoOperations, "finishStarted"> },
): GcOperations {
  const { control, data, stores, jobs, dryRuns, samples, consumers, limits } = context;
  const { now, warn, info = () => undefined } = context;
  const failures = new FailureLog({ warn, info });
  const collecting = new Map<string, Promise<GcResult>>();
  let sweptUpTo: string | undefined;

  async function collectIn(pool: string): Promise<GcResult> {
    const driver = await data.pool(pool);
    try {
      const collected = await driver.gc();
      data.noteReachable(pool, true);
      return collected;
    } catch (error) {
      if (hasCode(error, "STORAGE_UNAVAILABLE") && !isWriteRefusal(error)) data.noteReachable(pool, false);
      throw error;
    }
  }

  /** Those who ask while a pool is collected, join; one that takes long is reported and goes on. */
  async function collectPool(pool: string): Promise<GcReport["pools"][number]> {
    try {
      const running = collecting.get(pool) ?? collectIn(pool);
      collecting.set(pool, running);
      const done = () => collecting.delete(pool);
      running.then(done, done);
      const collected = await withDeadline(running, POOL_DEADLINE_MS, () => {
        throw new DomainError("DEADLINE_EXCEEDED", "It takes long, and goes on.");
      });
      failures.succeeded(collectionOf(pool));
      return { pool, collected, error: null };
    } catch (error) {
      failures.failed(collectionOf(pool), error);
      return { pool, collected: null, error: error instanceof DomainError ? error.message : "It failed." };
    }
  }

  async function told(what: string, work: Promise<unknown>): Promise<void> {
    await work.then(
      () => failures.succeeded(what),
      (error: unknown) => failures.failed(what, error),
    );
  }

  /**
   * Collects catalogue entries without a queue: what a deletion left, or a deleted queue's subscriptions. Repairs the
   * columns about dead letter queues of the queues that exist.
   */
  async function sweepCatalogue(): Promise<void> {
    const page = await control.catalogue.list({
      projects: "all",
      page: { limit: SWEEP_SIZE, ...(sweptUpTo === undefined ? {} : { after: sweptUpTo }) },
    });
    sweptUpTo = page.nextMarker ?? undefined;
    const refs = page.items.map(({ project, queue }) => ({ project, name: queue }));
    const existing = new Set((await control.queues.getMany(refs)).map(queueKey));
    for (const entry of page.items) {
      if (existing.has(queueKey({ project: entry.project, name: entry.queue }))) continue;
      await lifecycle.collect(entry).catch((error: unknown) => {
        // A pool that cannot be reached is reported by its own collection.
        if (!isUnavailable(error)) warn("What a deleted queue left could not be freed", error);
      });
    }
    await control.queues
      .repairDeadLetterQueues(refs)
      .catch((error: unknown) => warn("Which queues use a dead letter queue could not be compared", error));
  }

  async function trim(store: { trim(params: { days: number; limit: number }): Promise<number> }, days: number) {
    for (let statement = 0; statement < TRIM_STATEMENTS; statement += 1) {
      if ((await store.trim({ days, limit: TRIM_SIZE })) === 0) return;
    }
  }

  const endedSessions = {
    trim: ({ limit }: { limit: number }) => {
      const { config, now: time } = context.accounts;
      return control.people.trim({ now: time(), idleSeconds: config.SESSION_IDLE_SECONDS, limit });
    },
  };

  return {
    async collect(access, params) {
      requireNeed(access, NEEDS.collectGarbage);
      const began = now();
      const one = params.pool ?? null;
      if (one !== null) await data.pool(one);
      else {
        await told("The look for what deletions left", sweepCatalogue());
        await told("The sweep of key-value stores", stores.sweep());
        // Before the pools: what comes back is not to be freed.
        await told("The look for undos that were broken off", undo.finishStarted());
        await told("The end of transfers that jobs have left", settleTransfers(context));
        await told("The trimming of undos", trim(control.undos, 1));
        await told("The trimming of the audit log", trim(control.audit, limits.AUDIT_DAYS));
        await told("The trimming of tokens", trim(control.tokens, limits.AUDIT_DAYS));
        await told("The trimming of sessions and links", trim(endedSessions, 0));
        await told("The trimming of jobs", trim(jobs, limits.JOB_DAYS));
        await told("The trimming of dry runs", trim(dryRuns, 0));
        await told("The trimming of queue samples", samples.trim());
        await told("The trimming of consumers", consumers.trim());
      }
      const names = one === null ? await poolNames(control) : [one];
      const pools = await Promise.all(names.map(collectPool));
      const total = pools.reduce((sum, { collected }) => added(sum, collected ?? NOTHING), NOTHING);
      const report = { pools, total, durationSeconds: (now() - began) / 1000 };
      if (one === null) await told("The record of the collection", control.collections.record(recordOf(report)));
      return report;
    },
  };
}

function recordOf({ pools, total, durationSeconds }: GcReport): Omit<Collection, "at"> {
  const failed = pools.flatMap(({ pool, error }) => (error === null ? [] : [{ pool, error }]));
  return { total, durationSeconds, failed };
}

function collectionOf(pool: string): string {
  return `Garbage collection of the pool ${pool}`;
}

function added(a: GcResult, b: GcResult): GcResult {
  return {
    messages: a.messages + b.messages,
    claims: a.claims + b.claims,
    subscriptions: a.subscriptions + b.subscriptions,
    queues: a.queues + b.queues,
  };
}
