import type { JobKind } from "../../jobs/job.ts";
import type { JobWork } from "../../jobs/job-work.ts";
import type { OperationContext } from "../context.ts";
import { createMoveWork } from "../lifecycle/move-jobs.ts";
import type { QueueMoves } from "../lifecycle/queue-moves.ts";
import type { JobWatch } from "../live/job-watch.ts";
import { createJobControl, type JobControl } from "./control.ts";
import { createGenerateWork } from "./generate-work.ts";
import { createMessageWork, type MessageWorkParts } from "./message-work.ts";
import { createFlavorMoves, createMoveRequests, type FlavorMoves, type MoveRequests } from "./moves.ts";
import { withOutcome } from "./outcome.ts";
import type { AddJob } from "./parts.ts";
import { createJobReads, type JobReads } from "./reads.ts";
import { createJobStarts, type JobStarts } from "./starts.ts";

/** Long actions. A caller with some projects sees only the jobs of those. */
export interface JobOperations extends JobReads, JobStarts, JobControl, MoveRequests, FlavorMoves {
  /** The work of each kind of job, for the runner. */
  readonly work: Record<JobKind, JobWork>;
  /** See QueueMoves.recover. */
  recoverMoves(): Promise<number>;
  /** Calls `listener` each time that this process adds or changes a job. */
  onChanged(listener: () => void): void;
}

interface JobParts extends MessageWorkParts {
  moves: QueueMoves;
  watch: JobWatch;
}

export function createJobOperations(context: OperationContext, parts: JobParts): JobOperations {
  const listeners = new Set<() => void>();
  const { moves } = parts;
  const work = createMoveWork(context, moves);
  const woken = () => {
    for (const listener of listeners) listener();
  };
  const add: AddJob = async (access, subject, input, once) => {
    const { actor, requestId } = access;
    const added = await context.jobs.add({ ...subject, inputText: JSON.stringify(input), actor, requestId }, once);
    woken();
    return added;
  };
  const messageWork = createMessageWork(context, parts);
  return {
    ...createJobReads(context, parts.watch),
    ...createMoveRequests(context, { work, add }),
    ...createJobStarts(context, { ...parts, added: woken }),
    ...createJobControl(context, { work, woken }),
    ...createFlavorMoves(context, { work, add }),
    work: {
      ...work.kinds,
      ...withOutcome(context, messageWork),
      ...withOutcome(context, { generateMessages: createGenerateWork(context, parts) }),
    },
    recoverMoves: () => moves.recover(),
    onChanged: (listener) => void listeners.add(listener),
  };
}
