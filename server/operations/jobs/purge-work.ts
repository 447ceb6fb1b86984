import type { PlannedQueue } from "../../jobs/dry-run.ts";
import type { OperationContext } from "../context.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import { isMissing } from "./acts.ts";
import { requirePresentRight } from "./rights.ts";
import type { Run } from "./run.ts";

/** Removes what the dry run saw in one queue. A repeat removes nothing else, and has the number of all. */
export async function purgeQueue(
  context: OperationContext,
  { recorder }: { recorder: UndoRecorder },
  run: Run,
  planned: PlannedQueue,
  before: string | null,
): Promise<void> {
  const { progress, dryRun } = run;
  progress.checkpoint();
  const access = await progress.patiently(() => requirePresentRight(context, run.job, [planned]));
  const queue = { project: planned.project, name: planned.name };
  // Never beyond what the dry run saw.
  const bound = before === null ? { marker: String(BigInt(planned.upToMarker) + 1n) } : { time: new Date(before) };
  const idempotencyKey = dryRun.token;
  const act = { access, action: "purgeQueue", queue, idempotencyKey, job: run.job.id } as const;
  const purge = (undoToken: string | undefined) =>
    context.data.messages.purge({ queue, before: bound, idempotencyKey, undoToken });
  try {
    const { result } = await progress.patiently(() => recorder.record(act, purge, ({ messages }) => messages));
    run.reached(undefined, result.messages ?? planned.count.value);
  } catch (error) {
    // A queue that was deleted meanwhile holds nothing.
    if (!isMissing(error, queue)) throw error;
  }
  await run.store();
}
