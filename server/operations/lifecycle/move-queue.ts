/** The job that moves a queue to another pool. */
import { DomainError } from "../../errors.ts";
import type { Job } from "../../jobs/job.ts";
import type { JobProgress } from "../../jobs/job-work.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { MoveReport } from "../../storage/moves/queue-move.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { ExcludedQueue } from "./dead-letter-groups.ts";
import { flavorOf, type MoveParts, metadataOf, writeDown } from "./move-parts.ts";
import { isSameStore } from "./queue-moves.ts";

/** Moves a queue, and its dead letter group, until it is in a pool of its flavor. */
export async function moveQueue(parts: MoveParts, job: Job, progress: JobProgress): Promise<object> {
  const queue = { project: job.project ?? "", name: job.target };
  const { from, pool } = JSON.parse(job.inputText) as { from: string; pool: string };
  // Only for the progress bar. A pool that cannot be reached is waited for later, when it is needed.
  const [stats] = await parts.data.messages.stats([queue]).catch(() => []);
  const total = stats?.total ?? null;
  for (let source = from, target = pool; ; ) {
    await progress.patiently(() => parts.requireRight(job));
    const { report, included, excluded } = await moveGroup(parts, job, queue, source, target, progress, (messages) => {
      progress.report(messages, total === null ? null : Math.max(total, messages));
      progress.checkpoint();
    });
    // The queue's flavor may have changed meanwhile: that change found this job, and left the rest to it.
    const here = target;
    const next = await progress.patiently(() => poolOfFlavor(parts, queue, here));
    if (next === target) {
      const moved = report?.messages ?? 0;
      progress.report(moved, moved);
      return { from, pool: target, included, excluded, ...report };
    }
    source = target;
    target = next;
  }
}

/**
 * Moves the queue from `source`, then the queues of its dead letter group. Continues when it is started again. The
 * report is about the queue itself, and null when the target held it already.
 */
async function moveGroup(
  parts: MoveParts,
  job: Job,
  queue: QueueRef,
  source: string,
  target: string,
  progress: JobProgress,
  checkpoint: (messages: number) => void,
): Promise<{ report: MoveReport | null; included: string[]; excluded: ExcludedQueue[] }> {
  const commit = writeDown(job);
  const report = await progress.patiently(() => parts.moves.move({ queue, target, commit, checkpoint }));
  const group = await progress.patiently(() => parts.groups.of(queue, source, target));
  // Nothing moves along when the queue stays. But an earlier move may have left some of the group behind.
  if (source === target) return { report, included: [], excluded: group.excluded };
  const included: string[] = [];
  const excluded = [...group.excluded];
  const messages = report?.messages ?? 0;
  for (const one of group.included) {
    try {
      await progress.patiently(() => parts.requireRight(job));
      await progress.patiently(() =>
        parts.moves.move({ queue: one, target, commit, checkpoint: () => checkpoint(messages) }),
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

/** `pool` if its flavor is that of the queue, else another pool of the queue's flavor. */
async function poolOfFlavor(parts: MoveParts, queue: QueueRef, pool: string): Promise<string> {
  const text = await metadataOf(parts, queue);
  if (text === null) return pool;
  const here = pool === DEFAULT_POOL ? null : (await parts.control.pools.get(pool)).flavor;
  const wanted = flavorOf(parts, text);
  if (here === wanted) return pool;
  return (await parts.groups.homeOf(queue, wanted, pool)) ?? (await parts.data.choosePool(wanted));
}

/** Checks before a move that both pools can move queues. Returns the queue's pool. */
export async function requireMovable(parts: MoveParts, queue: QueueRef, pool: string): Promise<string> {
  const entry = await parts.control.catalogue.get(queue);
  const [from, to] = await Promise.all(
    [entry.pool, pool].map(async (name) => {
      const driver = await parts.data.pool(name);
      if (driver.transfer !== null) return driver;
      throw new DomainError("NOT_SUPPORTED", `The pool ${name} is of a kind whose queues cannot be moved.`);
    }),
  );
  if (entry.pool !== pool && from?.identity === to?.identity) throw isSameStore(entry.pool, pool);
  return entry.pool;
}
