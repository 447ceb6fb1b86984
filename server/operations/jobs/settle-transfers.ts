/** Finishes the transfers between pools that jobs have left: of gc. */
import type { Job } from "../../jobs/job.ts";
import { isPassing } from "../../jobs/patience.ts";
import { KEY_SECONDS } from "../../storage/idempotency.ts";
import type { OperationContext } from "../context.ts";
import { isMissing, transferOf } from "./acts.ts";
import { type BegunTransfer, positionOf } from "./run.ts";

/** Jobs of one collection. */
const MOST = 1000;

/**
 * A job that ended while nobody knew whether its copies had arrived, or whose queue was deleted between the steps of a
 * transfer, leaves originals that are held. Repeats these transfers until they succeed, for as long as they are held.
 * A target that is gone has taken its copies with it. Safe in many processes at once, and to cut off. Throws the last
 * failure that does not pass by itself, after all others were tried.
 */
export async function settleTransfers(
  { jobs, dryRuns, data }: Pick<OperationContext, "jobs" | "dryRuns" | "data">,
  now = new Date(),
): Promise<void> {
  let failure: unknown = null;

  /** How many it moved. Null: it is to be tried again. */
  async function moved(transfer: Parameters<typeof transferOf>[0], begun: BegunTransfer): Promise<number | null> {
    try {
      return (await data.messages.transfer(transferOf(transfer, begun))).length;
    } catch (error) {
      if (isMissing(error, begun.to)) return 0;
      if (!isPassing(error) && !isMissing(error, begun.from)) failure = error;
      return null;
    }
  }

  async function settle(job: Job): Promise<void> {
    const dryRun = await dryRuns.get(job.token ?? "");
    const action = dryRun?.plan.action;
    if (dryRun === null || (action?.kind !== "redriveMessages" && action?.kind !== "moveMessages")) return;
    const position = positionOf(job, dryRun);
    const isOver = now.getTime() - (job.finishedAt?.getTime() ?? 0) > KEY_SECONDS * 1000;
    const left: BegunTransfer[] = [];
    let done = 0;
    for (const begun of isOver ? [] : position.begun) {
      const count = await moved(action, begun);
      if (count === null) left.push(begun);
      else done += count;
    }
    if (left.length === position.begun.length) return;
    await jobs.settle(job, {
      progress: job.progress + done,
      positionText: JSON.stringify({ ...position, done: position.done + done, begun: left }),
    });
  }

  for (const job of await jobs.listUnsettled({ limit: MOST })) await settle(job);
  if (failure !== null) throw failure;
}
