import type { MessageController } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import { MAX_UNDOABLE_DELETES, type UndoRecorder } from "../undo/recorder.ts";
import type { Run } from "./run.ts";

type Deletes = Parameters<MessageController["bulkDelete"]>[0];

/** Deletes of a job, which can be taken back if its dry run said so. */
export interface JobDeletes {
  bulkDelete(run: Run, deletes: Deletes): ReturnType<MessageController["bulkDelete"]>;
  /** The job has gone over the queue. */
  end(run: Run): Promise<void>;
}

export function createJobDeletes(
  { data, warn }: OperationContext,
  { recorder }: { recorder: UndoRecorder },
): JobDeletes {
  /** Undefined: for good. */
  async function tokenFor(run: Run, { project, name }: QueueRef, count: number): Promise<string | undefined> {
    const { job, dryRun } = run;
    if (!dryRun.plan.undoable) return undefined;
    const queue = { project, name };
    const act = { access: job, action: "deleteMessages", queue, idempotencyKey: dryRun.token, job: job.id } as const;
    run.kept ??= await recorder.begin(act);
    // More match by now than the dry run has counted: what was kept would be a part.
    if (run.done + count > MAX_UNDOABLE_DELETES) await recorder.giveUp(run.kept);
    return (await recorder.goesOn(run.kept)) ? run.kept.token : undefined;
  }

  return {
    async bulkDelete(run, deletes) {
      const undoToken = await tokenFor(run, deletes.queue, deletes.ids.length);
      const { kept } = run;
      try {
        const done = await data.messages.bulkDelete({ ...deletes, undoToken });
        if (kept !== null && kept.deleted !== null) kept.deleted += done.deleted;
        return done;
      } catch (error) {
        // Some may be deleted.
        if (kept !== null) kept.deleted = null;
        throw error;
      }
    },

    async end({ kept }) {
      if (kept === null) return;
      await recorder
        .end(kept)
        .catch((error: unknown) => warn("The record of what a job deleted could not be completed", error));
    },
  };
}
