import { DomainError, hasCode } from "../../errors.ts";
import type { PlannedQueue } from "../../jobs/dry-run.ts";
import type { PurgeBound } from "../../storage/data-driver.ts";
import type { OperationContext } from "../context.ts";
import { requirePresentRight } from "./rights.ts";
import type { Run } from "./run.ts";

/** Removes what the dry run saw in one queue. A repeat removes nothing else. */
export async function purgeQueue(
  context: OperationContext,
  run: Run,
  queue: PlannedQueue,
  before: string | null,
): Promise<void> {
  const { progress, dryRun } = run;
  progress.checkpoint();
  await progress.patiently(() => requirePresentRight(context, run.job, [queue]));
  const bound = boundOf(queue, before, dryRun.createdAt);
  let removed = 0;
  const purge = async () => {
    try {
      return await context.data.messages.purge({ queue, before: bound });
    } catch (error) {
      if (error instanceof DomainError && error.details.partial === true)
        removed += Number(error.details.messages ?? 0);
      throw error;
    }
  };
  try {
    const { messages } = await progress.patiently(purge);
    run.reached(undefined, messages === null ? queue.count.value : removed + messages);
  } catch (error) {
    // A queue that was deleted meanwhile holds nothing.
    if (!hasCode(error, "QUEUE_DOES_NOT_EXIST") && !hasCode(error, "QUEUE_NOT_MAPPED")) throw error;
  }
  await run.store();
}

/** Never beyond what the dry run saw. */
function boundOf({ upToMarker }: PlannedQueue, before: string | null, seenAt: Date): PurgeBound {
  const time = before === null ? null : new Date(before);
  return time !== null && time < seenAt ? { time } : { marker: String(BigInt(upToMarker) + 1n) };
}
