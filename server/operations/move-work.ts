/** What jobs do that move queues. Each may be cut off at any point and begins again where things are by then. */
import { setTimeout as pause } from "node:timers/promises";
import { DomainError, hasCode } from "../errors.ts";
import type { Job, JobKind } from "../jobs/job.ts";
import { type JobProgress, JobStopped, type JobWork } from "../jobs/runner.ts";
import type { CatalogueEntry, QueueMove } from "../storage/control-driver.ts";
import { DEFAULT_POOL, type QueueRef } from "../storage/data-driver.ts";
import type { MoveReport } from "../storage/queue-move.ts";
import type { Transaction } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import { orIfMissing } from "./queue-lookup.ts";
import { readMetadata } from "./queue-metadata.ts";
import type { QueueMoves } from "./queue-moves.ts";

const PAGE = 100;
/** Queues of a pool that move at the same time: beyond these they only wait for one another's locks. */
const MOVES_AT_A_TIME = 4;
/** A queue that somebody else moves, deletes or keeps busy gets another chance, as often as this without any other leaving the pool. */
const IDLE_PASSES = 30;
/** Before each of them, in milliseconds; so a mover that died meanwhile has lost its lease by the last. */
const IDLE_PAUSE_MS = 1000;
const MAX_DRAWS = 20;

export interface MoveWork {
  readonly kinds: Record<JobKind, JobWork>;
  /** The flavor that metadata asks for; null = none. */
  flavorOf(metadataText: string): string | null;
  /** Gives the pool that it is in. NOT_SUPPORTED when one of the two cannot move queues. */
  requireMovable(queue: QueueRef, pool: string): Promise<string>;
  /** What a drain that was given up took from its pool, unless somebody has set it since. */
  giveWeightBack(tx: Transaction, job: Job): Promise<void>;
}

export function createMoveWork(
  context: Pick<OperationContext, "control" | "data" | "limits">,
  moves: QueueMoves,
): MoveWork {
  const { control, data, limits } = context;

  const attributesOf = (text: string) => readMetadata(limits, text).effective;
  const flavorOf = (text: string) => attributesOf(text).flavor;

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

  async function poolOf(queue: QueueRef): Promise<string | null> {
    return (await control.catalogue.getMany([queue]))[0]?.pool ?? null;
  }

  const metadataOf = (queue: QueueRef) =>
    orIfMissing<string | null>(
      () => control.queues.getMetadata(queue),
      () => null,
    );

  /** A dead letter queue stays with its queue, if it was and may: then moving messages to it is one step in one pool. */
  async function companionOf(queue: QueueRef, source: string, target: string): Promise<QueueRef | null> {
    const text = await metadataOf(queue);
    const name = text === null ? null : attributesOf(text).deadLetterQueue;
    if (name === null || name === queue.name) return null;
    const companion = { project: queue.project, name };
    if ((await poolOf(companion)) !== source) return null;
    const flavor = target === DEFAULT_POOL ? null : (await control.pools.get(target)).flavor;
    return flavorOf((await metadataOf(companion)) ?? "{}") === flavor ? companion : null;
  }

  /** The pool that the queue is in if its flavor is that of the queue; else one that is. */
  async function poolOfFlavor(queue: QueueRef, pool: string): Promise<string> {
    const text = await metadataOf(queue);
    if (text === null) return pool;
    const here = pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).flavor;
    const wanted = flavorOf(text);
    return here === wanted ? pool : data.choosePool(wanted);
  }

  /** Moves the queue from `source`, then what belongs beside it; begun again, it goes on. Gives the report of the queue itself, null when it was there already. */
  async function moveWithCompanion(
    job: Job,
    queue: QueueRef,
    source: string,
    target: string,
    checkpoint: (messages: number) => void,
  ): Promise<{ report: MoveReport | null; companion: string | null }> {
    const commit = writeDown(job);
    const report = await moves.move({ queue, target, commit, checkpoint });
    const companion = source === target ? null : await companionOf(queue, source, target);
    if (companion !== null) {
      await moves.move({ queue: companion, target, commit, checkpoint: () => checkpoint(report?.messages ?? 0) });
    }
    return { report, companion: companion?.name ?? null };
  }

  const moveQueue: JobWork = async (job, progress) => {
    const queue = { project: job.project ?? "", name: job.target };
    const { from, pool } = JSON.parse(job.inputText) as { from: string; pool: string };
    const [stats] = await data.messages.stats([queue]);
    const total = stats?.total ?? null;
    for (let target = pool; ; ) {
      const { report, companion } = await moveWithCompanion(job, queue, from, target, (messages) => {
        progress.report(messages, total === null ? null : Math.max(total, messages));
        progress.checkpoint();
      });
      // A change of flavor while this went on found it under way, and left the rest to it.
      const next = await poolOfFlavor(queue, target);
      if (next === target) {
        const moved = report?.messages ?? 0;
        progress.report(moved, moved);
        return { from, pool: target, companion, ...report };
      }
      target = next;
    }
  };

  /** Where a queue of a pool that is drained goes: to its dead letter queue if that may keep it, else where the dice fall. */
  async function targetFor(entry: CatalogueEntry): Promise<string> {
    const text = await metadataOf({ project: entry.project, name: entry.queue });
    const { flavor, deadLetterQueue } = attributesOf(text ?? "{}");
    if (deadLetterQueue !== null) {
      const beside = await poolOf({ project: entry.project, name: deadLetterQueue });
      if (beside !== null && beside !== entry.pool && beside !== DEFAULT_POOL) {
        const pools = await control.pools.getPoolsByFlavor(flavor);
        if (pools.some(({ name, weight }) => name === beside && weight > 0)) return beside;
      }
    }
    // One that cannot be reached now, or cannot take moves, is passed over; the dice may fall on it again.
    let refused: unknown = null;
    for (let draw = 1; draw <= MAX_DRAWS; draw += 1) {
      const target = await data.choosePool(flavor);
      if (target === entry.pool) break;
      try {
        if ((await data.pool(target)).moves !== null) return target;
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

  async function drainQueue(job: Job, entry: CatalogueEntry, progress: JobProgress): Promise<boolean> {
    const queue = { project: entry.project, name: entry.queue };
    try {
      await moveWithCompanion(job, queue, entry.pool, await targetFor(entry), () => progress.checkpoint());
      return true;
    } catch (error) {
      // Somebody else moves, deletes or keeps it busy; the next pass sees how it is then.
      const passes = ["QUEUE_IS_MOVING", "QUEUE_EPOCH_STALE", "QUEUE_NOT_MAPPED", "DEADLINE_EXCEEDED"] as const;
      if (passes.some((code) => hasCode(error, code))) return false;
      throw error;
    }
  }

  const drain = async (job: Job, progress: JobProgress): Promise<object> => {
    let moved = job.progress;
    let fewest = Number.POSITIVE_INFINITY;
    for (let idle = 0; idle < IDLE_PASSES; ) {
      if (idle > 0) await pause(IDLE_PAUSE_MS);
      const left = await control.catalogue.countByPool(job.target);
      progress.report(moved, left.exact ? moved + left.value : null);
      if (left.value === 0) return { queues: moved };
      const before = moved;
      let after: string | undefined;
      do {
        const page = await control.catalogue.list({
          pool: job.target,
          page: { limit: PAGE, ...(after === undefined ? {} : { after }) },
        });
        for (let at = 0; at < page.items.length; at += MOVES_AT_A_TIME) {
          progress.checkpoint();
          const results = await Promise.allSettled(
            page.items.slice(at, at + MOVES_AT_A_TIME).map((entry) => drainQueue(job, entry, progress)),
          );
          moved += results.filter((result) => result.status === "fulfilled" && result.value).length;
          progress.report(moved, left.exact ? Math.max(before + left.value, moved) : null);
          const failed = results.find((result) => result.status === "rejected");
          if (failed !== undefined) throw failed.reason;
        }
        after = page.nextMarker ?? undefined;
      } while (after !== undefined);
      // What others moved counts too: the pool empties.
      idle = moved > before || left.value < fewest ? 0 : idle + 1;
      fewest = Math.min(fewest, left.value);
    }
    throw new DomainError(
      "QUEUE_IS_MOVING",
      "Some queues could not be moved: they are moved, or kept busy, by others. Try again.",
    );
  };

  async function giveWeightBack(tx: Transaction, job: Job): Promise<void> {
    const { weight } = JSON.parse(job.inputText) as { weight: number | null };
    if (weight === null || weight === 0 || !(await tx.pools.exists(job.target))) return;
    if ((await tx.pools.get(job.target)).weight === 0) await tx.pools.update(job.target, { weight });
  }

  const drainPool: JobWork = async (job, progress) => {
    try {
      return await drain(job, progress);
    } catch (error) {
      // One that goes on elsewhere keeps the pool closed to new queues.
      // One that goes on elsewhere keeps the pool closed to new queues, also when this holder was taken for dead and only now fails.
      if (!(error instanceof JobStopped)) await progress.confirm();
      const goesOn = error instanceof JobStopped && error.why !== "cancelled";
      if (!goesOn) await control.transaction((tx) => giveWeightBack(tx, job));
      throw error;
    }
  };

  return {
    kinds: { moveQueue, drainPool },
    flavorOf,
    giveWeightBack,
    async requireMovable(queue, pool) {
      const entry = await control.catalogue.get(queue);
      for (const name of [entry.pool, pool]) {
        if ((await data.pool(name)).moves === null) {
          throw new DomainError("NOT_SUPPORTED", `The pool ${name} is of a kind whose queues cannot be moved.`);
        }
      }
      return entry.pool;
    },
  };
}
