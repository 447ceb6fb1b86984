/** What jobs do that move queues. Each may be cut off at any point and begins again where things are by then. */
import { DomainError, hasCode } from "../../errors.ts";
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
/** Queues of a pool that move at the same time: beyond these they only wait for one another's locks. */
const MOVES_AT_A_TIME = 4;
const MAX_DRAWS = 20;
/** Queues apart that a drain names. */
const MAX_EXCLUDED = 100;
export interface MoveWork {
  readonly kinds: Record<JobKind, JobWork>;
  readonly groups: DeadLetterGroups;
  /** The flavor that metadata asks for; null = none. */
  flavorOf(metadataText: string): string | null;
  /** Gives the pool that it is in. NOT_SUPPORTED when one of the two cannot move queues. */
  requireMovable(queue: QueueRef, pool: string): Promise<string>;
  /**
   * NO_POOL_FOUND when a queue of the pool, one of the first hundred, has no other to go to. Whether one is away now
   * does not count.
   */
  requireElsewhere(pool: string): Promise<void>;
  /** What a drain that was given up took from its pool, unless somebody has set it since. */
  giveWeightBack(tx: Transaction, job: Job): Promise<void>;
}

export function createMoveWork(
  context: Pick<OperationContext, "control" | "data" | "limits">,
  moves: QueueMoves,
): MoveWork {
  const { control, data, limits } = context;

  const groups = createDeadLetterGroups(context);

  const flavorOf = (text: string) => readMetadata(limits, text).effective.flavor;

  /** The row is written with the change of the catalogue, under the name of whoever asked for the job. */
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

  /** The pool that the queue is in if its flavor is that of the queue; else one that is. */
  async function poolOfFlavor(queue: QueueRef, pool: string): Promise<string> {
    const text = await metadataOf(queue);
    if (text === null) return pool;
    const here = pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).flavor;
    const wanted = flavorOf(text);
    if (here === wanted) return pool;
    return (await groups.homeOf(queue, wanted, pool)) ?? (await data.choosePool(wanted));
  }

  /** Moves the queue from `source`, then those that belong beside it; begun again, it goes on. The report is of the queue itself, null when it was there already. */
  async function moveFamily(
    job: Job,
    queue: QueueRef,
    source: string,
    target: string,
    progress: JobProgress,
    checkpoint: (messages: number) => void,
  ): Promise<{ report: MoveReport | null; included: string[]; excluded: ExcludedQueue[] }> {
    const commit = writeDown(job);
    const report = await progress.patiently(() => moves.move({ queue, target, commit, checkpoint }));
    const family = await progress.patiently(() => groups.of(queue, source, target));
    // Where it is already nobody goes along; but a move before this one may have left some behind.
    if (source === target) return { report, included: [], excluded: family.excluded };
    const included: string[] = [];
    const excluded = [...family.excluded];
    const messages = report?.messages ?? 0;
    for (const one of family.included) {
      try {
        await progress.patiently(() =>
          moves.move({ queue: one, target, commit, checkpoint: () => checkpoint(messages) }),
        );
        included.push(one.name);
      } catch (error) {
        // The queue itself has moved: a move that failed now would say that nothing has.
        if (!(error instanceof DomainError)) throw error;
        excluded.push({ queue: one.name, why: `It could not be moved now: ${error.message} Move it by itself later.` });
      }
    }
    return { report, included, excluded };
  }

  const moveQueue: JobWork = async (job, progress) => {
    const queue = { project: job.project ?? "", name: job.target };
    const { from, pool } = JSON.parse(job.inputText) as { from: string; pool: string };
    // Only for people: a pool that is away is waited for when it is needed.
    const [stats] = await data.messages.stats([queue]).catch(() => []);
    const total = stats?.total ?? null;
    for (let source = from, target = pool; ; ) {
      const { report, included, excluded } = await moveFamily(job, queue, source, target, progress, (messages) => {
        progress.report(messages, total === null ? null : Math.max(total, messages));
        progress.checkpoint();
      });
      // A change of flavor while this went on found it under way, and left the rest to it.
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

  /** Where a queue of a pool that is drained goes: where one of its family lifecycle, else where the random fall, which do so alike for all of a family. */
  async function targetFor(entry: CatalogueEntry): Promise<string> {
    const queue = { project: entry.project, name: entry.queue };
    const flavor = flavorOf((await metadataOf(queue)) ?? "{}");
    const home = await groups.homeOf(queue, flavor, entry.pool);
    const random = await groups.random(queue);
    // One that cannot be reached now, or cannot take moves, is passed over; the random may fall on it again.
    let refused: unknown = null;
    for (let draw = 0; draw <= MAX_DRAWS; draw += 1) {
      const target = draw === 0 && home !== null ? home : await data.choosePool(flavor, random);
      if (target === entry.pool) break;
      try {
        const driver = await data.pool(target);
        if (driver.transfer !== null && driver.identity !== (await data.pool(entry.pool)).identity) return target;
      } catch (error) {
        if (!(error instanceof DomainError) || error.kind !== "unavailable") throw error;
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
        `The queue ${entry.queue} has nowhere to go: no other pool ${which} takes queues. Register one, or give one a weight, and drain again.`,
        { details: { pool, project: entry.project, queue: entry.queue, flavor } },
      );
    }
  }

  /** Gives who stays apart from it. Its family follows by itself, for it lifecycle here too. */
  async function drainQueue(job: Job, entry: CatalogueEntry, progress: JobProgress): Promise<ExcludedQueue[]> {
    const queue = { project: entry.project, name: entry.queue };
    const target = await targetFor(entry);
    await moves.move({ queue, target, commit: writeDown(job), checkpoint: () => progress.checkpoint() });
    const excluded = await groups.excludedFrom(queue, entry.pool, target);
    return excluded === null
      ? []
      : [{ queue: queue.name, why: `Its dead letter queue ${excluded.queue} is excluded. ${excluded.why}` }];
  }

  /** Once over all queues that are left. A queue that cannot be moved now keeps no other from it. */
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
          // One that was deleted meanwhile has left the pool too.
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
      // What others moved counts too: the pool empties.
      const emptied = moved > before || left.value < fewest;
      fewest = Math.min(fewest, left.value);
      if (emptied) continue;
      const passing = failures.find(isPassing);
      if (passing === undefined && failures.length > 0) throw failures[0];
      await progress.outlast(passing ?? othersMove());
    }
  };

  async function giveWeightBack(tx: Transaction, job: Job): Promise<void> {
    const { weight } = JSON.parse(job.inputText) as { weight: number | null };
    if (weight === null || weight === 0 || !(await tx.pools.exists(job.target))) return;
    if ((await tx.pools.get(job.target)).weight === 0) await tx.pools.update(job.target, { weight });
  }

  /** Also waits for the request, which may not have committed yet. Only at first: later its weight is whatever somebody wants. */
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
        // One that goes on elsewhere keeps the pool closed to new queues, also when this holder was taken for dead and
        // only now fails.
        if (stop === null || stop.why === "cancelled") await control.transaction((tx) => giveWeightBack(tx, job));
        return stop;
      });
      // Not the failure: what is to go on elsewhere must not end as failed here.
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

/** Null while the job is to go on here. */
async function stopOf(progress: JobProgress): Promise<JobStopped | null> {
  try {
    await progress.confirm();
    return null;
  } catch (error) {
    if (error instanceof JobStopped) return error;
    throw error;
  }
}

function othersMove(): DomainError {
  return new DomainError("QUEUE_IS_MOVING", "Some queues could not be moved: others move or delete them. Try again.");
}
