/** The job that moves all queues of a pool to other pools. */
import { DomainError, hasCode, isUnavailable } from "../../errors.ts";
import type { Job } from "../../jobs/job.ts";
import { type JobProgress, JobStopped } from "../../jobs/job-work.ts";
import { isPassing } from "../../jobs/patience.ts";
import type { CatalogueEntry } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { Transaction } from "../audit/audit-trail.ts";
import type { ExcludedQueue } from "./dead-letter-groups.ts";
import { flavorOf, type MoveParts, metadataOf, writeDown } from "./move-parts.ts";

const PAGE = 100;
/** Queues of a pool that move at the same time. More would only wait for one another's locks. */
const MOVES_AT_A_TIME = 4;
/** Pools that are tried for a queue of a drained pool. */
const MAX_DRAWS = 20;
/** Excluded queues that a drain names. */
const MAX_EXCLUDED = 100;

/** Moves all queues of a pool to other pools. */
export async function drainPool(parts: MoveParts, job: Job, progress: JobProgress): Promise<object> {
  try {
    await progress.patiently(() => close(parts, job));
    return await drain(parts, job, progress);
  } catch (error) {
    const stopped = await progress.atLast(async () => {
      const stop = error instanceof JobStopped ? error : await stopOf(progress);
      // A job that continues in another process keeps the pool closed to new queues. That holds too when this process
      // lost the lease and fails only now.
      if (stop === null || stop.why === "cancelled") await parts.control.transaction((tx) => giveWeightBack(tx, job));
      return stop;
    });
    // Not the failure itself: a job that continues elsewhere must not end as failed here.
    throw stopped ?? error;
  }
}

/**
 * Sets the pool's weight to 0, when the job runs for the first time: later the weight is what operators want. Waits
 * for the request's own transaction, which may not have committed yet.
 */
async function close(parts: MoveParts, job: Job): Promise<void> {
  if (job.fence !== 1 || JSON.parse(job.inputText).weight === null) return;
  await parts.control.transaction(async (tx) => {
    if (await tx.pools.exists(job.target)) await tx.pools.update(job.target, { weight: 0 });
  });
}

/** Restores the pool's weight after a drain that was given up, unless somebody has set it since. */
export async function giveWeightBack(tx: Transaction, job: Job): Promise<void> {
  const { weight } = JSON.parse(job.inputText) as { weight: number | null };
  if (weight === null || weight === 0 || !(await tx.pools.exists(job.target))) return;
  if ((await tx.pools.get(job.target)).weight === 0) await tx.pools.update(job.target, { weight });
}

async function drain(parts: MoveParts, job: Job, progress: JobProgress): Promise<object> {
  let moved = job.progress;
  const excluded: ExcludedQueue[] = [];
  for (let fewest = Number.POSITIVE_INFINITY; ; ) {
    const left = await progress.patiently(() => parts.control.catalogue.countByPool(job.target));
    const before = moved;
    const report = () => progress.report(moved, left.exact ? Math.max(before + left.value, moved) : null);
    report();
    if (left.value === 0) return { queues: moved, excluded };
    const failures = await pass(parts, job, progress, (more) => {
      moved += 1;
      excluded.push(...more.slice(0, MAX_EXCLUDED - excluded.length));
      report();
    });
    // Queues that others moved count too, because the pool gets emptier.
    const emptied = moved > before || left.value < fewest;
    fewest = Math.min(fewest, left.value);
    if (emptied) continue;
    const passing = failures.find(isPassing);
    if (passing === undefined && failures.length > 0) throw failures[0];
    await progress.outlast(passing ?? othersAreMoving());
  }
}

/** Goes once over all queues that are left. Returns the failures: a queue that fails does not stop the others. */
async function pass(
  parts: MoveParts,
  job: Job,
  progress: JobProgress,
  moved: (excluded: ExcludedQueue[]) => void,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  let after: string | undefined;
  do {
    const at = { limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = await progress.patiently(() =>
      parts.control.catalogue.list({ projects: "all", pool: job.target, page: at }),
    );
    for (let first = 0; first < page.items.length; first += MOVES_AT_A_TIME) {
      progress.checkpoint();
      await progress.patiently(() => parts.requireRight(job));
      const some = page.items.slice(first, first + MOVES_AT_A_TIME);
      for (const result of await Promise.allSettled(some.map((entry) => drainQueue(parts, job, entry, progress)))) {
        if (result.status === "fulfilled") moved(result.value);
        // A queue that was deleted meanwhile has left the pool too.
        else if (!hasCode(result.reason, "QUEUE_NOT_MAPPED")) failures.push(result.reason);
      }
      const stopped = failures.find((failure) => failure instanceof JobStopped);
      if (stopped !== undefined) throw stopped;
    }
    after = page.nextMarker ?? undefined;
  } while (after !== undefined);
  return failures;
}

/** Moves one queue of the drained pool. Its group follows, as queues of the same pool. Returns what is excluded. */
async function drainQueue(
  parts: MoveParts,
  job: Job,
  entry: CatalogueEntry,
  progress: JobProgress,
): Promise<ExcludedQueue[]> {
  const queue = { project: entry.project, name: entry.queue };
  const target = await targetFor(parts, entry);
  await parts.moves.move({ queue, target, commit: writeDown(job), checkpoint: () => progress.checkpoint() });
  const excluded = await parts.groups.excludedFrom(queue, entry.pool, target);
  return excluded === null
    ? []
    : [{ queue: queue.name, why: `Its dead letter queue ${excluded.queue} is excluded. ${excluded.why}` }];
}

/**
 * The pool for a queue of a drained pool: one that holds a member of its dead letter group, else a random one. The
 * random numbers are the same for the whole group, so its members meet in one pool.
 */
async function targetFor(parts: MoveParts, entry: CatalogueEntry): Promise<string> {
  const queue = { project: entry.project, name: entry.queue };
  const flavor = flavorOf(parts, (await metadataOf(parts, queue)) ?? "{}");
  const home = await parts.groups.homeOf(queue, flavor, entry.pool);
  const random = await parts.groups.random(queue);
  // A pool that cannot be reached now, or cannot take moves, is passed over. It may be chosen again.
  let refused: unknown = null;
  for (let draw = 0; draw <= MAX_DRAWS; draw += 1) {
    const target = draw === 0 && home !== null ? home : await parts.data.choosePool(flavor, random);
    if (target === entry.pool) break;
    try {
      const driver = await parts.data.pool(target);
      if (driver.transfer !== null && driver.identity !== (await parts.data.pool(entry.pool)).identity) return target;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      refused = error;
    }
  }
  throw (
    refused ??
    new DomainError(
      "NO_POOL_FOUND",
      "There is no other pool that takes the queues. Register one, or give one a weight.",
    )
  );
}

/** Checks before a drain that the pool's queues have another pool to go to. */
export async function requireElsewhere(parts: MoveParts, pool: string): Promise<void> {
  const { items } = await parts.control.catalogue.list({ projects: "all", pool, page: { limit: PAGE } });
  const takes = new Map<string | null, boolean>();
  for (const entry of items) {
    const flavor = flavorOf(parts, (await metadataOf(parts, { project: entry.project, name: entry.queue })) ?? "{}");
    if (!takes.has(flavor)) {
      const pools = await parts.control.pools.getPoolsByFlavor(flavor);
      const fallback = flavor === null && pool !== DEFAULT_POOL;
      takes.set(flavor, fallback || pools.some(({ name, weight }) => name !== pool && weight > 0));
    }
    if (takes.get(flavor)) continue;
    const which = flavor === null ? "without a flavor" : `of the flavor ${flavor}`;
    throw new DomainError(
      "NO_POOL_FOUND",
      `The queue ${entry.queue} has nowhere to go: no other pool ${which} takes queues. ` +
        "Register one, or give one a weight, and drain again.",
      { details: { pool, project: entry.project, queue: entry.queue, flavor } },
    );
  }
}

/** Why the job must stop here. Null when it may continue. */
async function stopOf(progress: JobProgress): Promise<JobStopped | null> {
  try {
    await progress.confirm();
    return null;
  } catch (error) {
    if (error instanceof JobStopped) return error;
    throw error;
  }
}

function othersAreMoving(): DomainError {
  return new DomainError(
    "QUEUE_IS_MOVING",
    "Some queues could not be moved, because others move or delete them. Try again.",
  );
}
