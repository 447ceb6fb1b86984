/** The work of jobs that move queues. Each may be interrupted at any point, and starts again from the present state. */
import { DomainError, hasCode, isUnavailable } from "../../errors.ts";
import type { Job, JobKind } from "../../jobs/job.ts";
import { isPassing } from "../../jobs/patience.ts";
import { type JobProgress, JobStopped, type JobWork } from "../../jobs/runner.ts";
import type { CatalogueEntry, QueueMove } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { MoveReport } from "../../storage/queue-move.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Transaction } from "../audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import { createDeadLetterGroups, type DeadLetterGroups, type ExcludedQueue } from "./dead-letter-groups.ts";
import { orIfMissing } from "./queue-lookup.ts";
import { isSameStore, type QueueMoves } from "./queue-moves.ts";

const PAGE = 100;
/** Queues of a pool that move at the same time. More would only wait for one another's locks. */
const MOVES_AT_A_TIME = 4;
/** Pools that are tried for a queue of a drained pool. */
const MAX_DRAWS = 20;
/** Excluded queues that a drain names. */
const MAX_EXCLUDED = 100;

export interface MoveWork {
  readonly kinds: Record<JobKind, JobWork>;
  readonly groups: DeadLetterGroups;
  /** The flavor that metadata asks for; null = none. */
  flavorOf(metadataText: string): string | null;
  /**
   * Returns the queue's pool. NOT_SUPPORTED when one of the two pools cannot move queues, POOL_URI_IN_USE for one
   * store.
   */
  requireMovable(queue: QueueRef, pool: string): Promise<string>;
  /**
   * NO_POOL_FOUND when one of the pool's first hundred queues has no other pool to go to. Pools that cannot be reached
   * now count as well.
   */
  requireElsewhere(pool: string): Promise<void>;
  /** Restores the pool's weight after a drain that was given up, unless somebody has set it since. */
  giveWeightBack(tx: Transaction, job: Job): Promise<void>;
}

export function createMoveWork(
  context: Pick<OperationContext, "control" | "data" | "limits">,
  moves: QueueMoves,
): MoveWork {
  const { control, data, limits } = context;

  const groups = createDeadLetterGroups(context);

  const flavorOf = (text: string) => readMetadata(limits, text).effective.flavor;

  /** Audits each move in the transaction that changes the catalogue, with the actor who asked for the job. */
  const writeDown =
    ({ id, actor, requestId }: Job) =>
    async (tx: Transaction, { project, queue, source, target, epoch }: QueueMove) => {
      const details = JSON.stringify({ before: source, after: target, epoch, job: id });
      await tx.audit.append({
        actor,
        requestId,
        action: "moveQueue",
        project,
        target: queue,
        outcome: "done",
        detailsText: details,
      });
    };

  const metadataOf = (queue: QueueRef) =>
    orIfMissing<string | null>(
      () => control.queues.getMetadata(queue),
      () => null,
    );

  /** `pool` if its flavor is that of the queue, else another pool of the queue's flavor. */
  async function poolOfFlavor(queue: QueueRef, pool: string): Promise<string> {
    const text = await metadataOf(queue);
    if (text === null) return pool;
    const here = pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).flavor;
    const wanted = flavorOf(text);
    if (here === wanted) return pool;
    return (await groups.homeOf(queue, wanted, pool)) ?? (await data.choosePool(wanted));
  }

  /**
   * Moves the queue from `source`, then the queues of its dead letter group. Continues when it is started again. The
   * report is about the queue itself, and null when the target held it already.
   */
  async function moveGroup(
    job: Job,
    queue: QueueRef,
    source: string,
    target: string,
    progress: JobProgress,
    checkpoint: (messages: number) => void,
  ): Promise<{ report: MoveReport | null; included: string[]; excluded: ExcludedQueue[] }> {
    const commit = writeDown(job);
    const report = await progress.patiently(() => moves.move({ queue, target, commit, checkpoint }));
    const group = await progress.patiently(() => groups.of(queue, source, target));
    // Nothing moves along when the queue stays. But an earlier move may have left some of the group behind.
    if (source === target) return { report, included: [], excluded: group.excluded };
    const included: string[] = [];
    const excluded = [...group.excluded];
    const messages = report?.messages ?? 0;
    for (const one of group.included) {
      try {
        await progress.patiently(() =>
          moves.move({ queue: one, target, commit, checkpoint: () => checkpoint(messages) }),
        );
        included.push(one.name);
      } catch (error) {
        // The queue itself has moved. A job that failed now would say that nothing has.
        if (!(error instanceof DomainError)) throw error;
        excluded.push({ queue: one.name, why: `It could not be moved now: ${error.message} Move it by itself later.` });
      }
    }
    return { report, included, excluded };
  }

  const moveQueue: JobWork = async (job, progress) => {
    const queue = { project: job.project ?? "", name: job.target };
    const { from, pool } = JSON.parse(job.inputText) as { from: string; pool: string };
    // Only for the progress bar. A pool that cannot be reached is waited for later, when it is needed.
    const [stats] = await data.messages.stats([queue]).catch(() => []);
    const total = stats?.total ?? null;
    for (let source = from, target = pool; ; ) {
      const { report, included, excluded } = await moveGroup(job, queue, source, target, progress, (messages) => {
        progress.report(messages, total === null ? null : Math.max(total, messages));
        progress.checkpoint();
      });
      // The queue's flavor may have changed meanwhile: that change found this job, and left the rest to it.
      const here = target;
      const next = await progress.patiently(() => poolOfFlavor(queue, here));
      if (next === target) {
        const moved = report?.messages ?? 0;
        progress.report(moved, moved);
        return { from, pool: target, included, excluded, ...report };
      }
      source = target;
      target = next;
    }
  };

  /**
   * The pool for a queue of a drained pool: one that holds a member of its dead letter group, else a random one. The
   * random numbers are the same for the whole group, so its members meet in one pool.
   */
  async function targetFor(entry: CatalogueEntry): Promise<string> {
    const queue = { project: entry.project, name: entry.queue };
    const flavor = flavorOf((await metadataOf(queue)) ?? "{}");
    const home = await groups.homeOf(queue, flavor, entry.pool);
    const random = await groups.random(queue);
    // A pool that cannot be reached now, or cannot take moves, is passed over. It may be chosen again.
    let refused: unknown = null;
    for (let draw = 0; draw <= MAX_DRAWS; draw += 1) {
      const target = draw === 0 && home !== null ? home : await data.choosePool(flavor, random);
      if (target === entry.pool) break;
      try {
        const driver = await data.pool(target);
        if (driver.transfer !== null && driver.identity !== (await data.pool(entry.pool)).identity) return target;
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

  async function requireElsewhere(pool: string): Promise<void> {
    const { items } = await control.catalogue.list({ pool, page: { limit: PAGE } });
    const takes = new Map<string | null, boolean>();
    for (const entry of items) {
      const flavor = flavorOf((await metadataOf({ project: entry.project, name: entry.queue })) ?? "{}");
      if (!takes.has(flavor)) {
        const pools = await control.pools.getPoolsByFlavor(flavor);
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

  /** Moves one queue of the drained pool. Its group follows, as queues of the same pool. Returns what is excluded. */
  async function drainQueue(job: Job, entry: CatalogueEntry, progress: JobProgress): Promise<ExcludedQueue[]> {
    const queue = { project: entry.project, name: entry.queue };
    const target = await targetFor(entry);
    await moves.move({ queue, target, commit: writeDown(job), checkpoint: () => progress.checkpoint() });
    const excluded = await groups.excludedFrom(queue, entry.pool, target);
    return excluded === null
      ? []
      : [{ queue: queue.name, why: `Its dead letter queue ${excluded.queue} is excluded. ${excluded.why}` }];
  }

  /** Goes once over all queues that are left. Returns the failures: a queue that fails does not stop the others. */
  async function pass(job: Job, progress: JobProgress, moved: (excluded: ExcludedQueue[]) => void): Promise<unknown[]> {
    const failures: unknown[] = [];
    let after: string | undefined;
    do {
      const at = { limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await progress.patiently(() => control.catalogue.list({ pool: job.target, page: at }));
      for (let first = 0; first < page.items.length; first += MOVES_AT_A_TIME) {
        progress.checkpoint();
        const some = page.items.slice(first, first + MOVES_AT_A_TIME);
        for (const result of await Promise.allSettled(some.map((entry) => drainQueue(job, entry, progress)))) {
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

  const drain = async (job: Job, progress: JobProgress): Promise<object> => {
    let moved = job.progress;
    const excluded: ExcludedQueue[] = [];
    for (let fewest = Number.POSITIVE_INFINITY; ; ) {
      const left = await progress.patiently(() => control.catalogue.countByPool(job.target));
      const before = moved;
      const report = () => progress.report(moved, left.exact ? Math.max(before + left.value, moved) : null);
      report();
      if (left.value === 0) return { queues: moved, excluded };
      const failures = await pass(job, progress, (more) => {
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
  };

  async function giveWeightBack(tx: Transaction, job: Job): Promise<void> {
    const { weight } = JSON.parse(job.inputText) as { weight: number | null };
    if (weight === null || weight === 0 || !(await tx.pools.exists(job.target))) return;
    if ((await tx.pools.get(job.target)).weight === 0) await tx.pools.update(job.target, { weight });
  }

  /**
   * Sets the pool's weight to 0, when the job runs for the first time: later the weight is what operators want. Waits
   * for the request's own transaction, which may not have committed yet.
   */
  async function close(job: Job): Promise<void> {
    if (job.fence !== 1 || JSON.parse(job.inputText).weight === null) return;
    await control.transaction(async (tx) => {
      if (await tx.pools.exists(job.target)) await tx.pools.update(job.target, { weight: 0 });
    });
  }

  const drainPool: JobWork = async (job, progress) => {
    try {
      await progress.patiently(() => close(job));
      return await drain(job, progress);
    } catch (error) {
      const stopped = await progress.atLast(async () => {
        const stop = error instanceof JobStopped ? error : await stopOf(progress);
        // A job that continues in another process keeps the pool closed to new queues. That holds too when this process
        // lost the lease and fails only now.
        if (stop === null || stop.why === "cancelled") await control.transaction((tx) => giveWeightBack(tx, job));
        return stop;
      });
      // Not the failure itself: a job that continues elsewhere must not end as failed here.
      throw stopped ?? error;
    }
  };

  return {
    kinds: { moveQueue, drainPool },
    groups,
    flavorOf,
    requireElsewhere,
    giveWeightBack,
    async requireMovable(queue, pool) {
      const entry = await control.catalogue.get(queue);
      const [from, to] = await Promise.all(
        [entry.pool, pool].map(async (name) => {
          const driver = await data.pool(name);
          if (driver.transfer !== null) return driver;
          throw new DomainError("NOT_SUPPORTED", `The pool ${name} is of a kind whose queues cannot be moved.`);
        }),
      );
      if (entry.pool !== pool && from?.identity === to?.identity) throw isSameStore(entry.pool, pool);
      return entry.pool;
    },
  };
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
