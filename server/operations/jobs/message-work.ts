/**
 * The work of jobs that act on messages, by the plan of their dry run. They go over one queue after the other, a batch
 * at a time. After each batch they store how far they came: a crash repeats at most one batch. What was deleted or
 * released of it does not match any more, and the job's numbers leave it out. Transfers are stored before they begin,
 * and finished first.
 */
import { DomainError } from "../../errors.ts";
import { type PlannedQueue, readFilter } from "../../jobs/dry-run.ts";
import { MESSAGE_JOB_KINDS, type MessageJobKind } from "../../jobs/job.ts";
import type { JobWork } from "../../jobs/job-work.ts";
import type { Selection } from "../../storage/messages/message-select.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import { type Acts, createActs, isMissing } from "./acts.ts";
import type { Destinations } from "./destinations.ts";
import { createJobDeletes } from "./job-deletes.ts";
import { purgeQueue } from "./purge-work.ts";
import { requirePresentRight } from "./rights.ts";
import { Run } from "./run.ts";

export interface MessageWorkParts {
  lookup: QueueLookup;
  deadLetters: Pick<DeadLetters, "exhaustedFrom">;
  destinations: Destinations;
  recorder: UndoRecorder;
  sights: BodySights;
}

/** Messages of one batch. No more than an error can name. */
const BATCH = 100;
const BATCH_BYTES = 4 * 1_048_576;
/** What one look for a batch may use. */
const LOOK = { messages: 10_000, bytes: 16 * 1_048_576, milliseconds: 500 };

export function createMessageWork(context: OperationContext, parts: MessageWorkParts): Record<MessageJobKind, JobWork> {
  const deletes = createJobDeletes(context, parts);
  const acts = createActs(context, { ...parts, deletes });
  const work: JobWork = async (job, progress) => {
    const dryRun = await progress.patiently(() => context.dryRuns.get(job.token ?? ""));
    if (dryRun === null) throw new DomainError("DRY_RUN_DOES_NOT_EXIST", "The dry run of this job is gone.");
    const run = new Run(job, dryRun, progress);
    const { action } = dryRun.plan;
    for (let queue = run.next; queue !== null; queue = run.next) {
      const planned = queue;
      if (await progress.patiently(() => isTheSame(context, planned))) {
        if (action.kind === "purgeQueues") await purgeQueue(context, parts, run, planned, action.before);
        else await goOver(context, parts, run, planned, acts);
        await deletes.end(run);
      }
      run.nextQueue();
    }
    return { messages: run.done, left: run.left.list() };
  };
  return Object.fromEntries(MESSAGE_JOB_KINDS.map((kind) => [kind, work])) as Record<MessageJobKind, JobWork>;
}

/** False when the queue was deleted since the dry run, even if there is one of its name again. */
async function isTheSame({ control }: OperationContext, { project, name, createdAt }: PlannedQueue): Promise<boolean> {
  const [queue] = await control.queues.getMany([{ project, name }]);
  return queue?.createdAt.toISOString() === createdAt;
}

async function goOver(
  context: OperationContext,
  { lookup, deadLetters, sights }: MessageWorkParts,
  run: Run,
  queue: PlannedQueue,
  acts: Acts,
): Promise<void> {
  const { progress } = run;
  const { action } = run.dryRun.plan;
  const filter = { ...readFilter(run.dryRun.plan.filterText), upToMarker: queue.upToMarker };
  const look = async (limit: number): Promise<Selection> => {
    const exhaustedFrom = await deadLetters.exhaustedFrom(queue, await lookup.attributes(queue));
    const { after } = run;
    const order = "oldestFirst";
    return context.data.messages.select({
      queue,
      filter,
      exhaustedFrom,
      order,
      after,
      limit,
      maxBytes: BATCH_BYTES,
      budget: LOOK,
    });
  };
  try {
    if (run.begunFrom(queue).length > 0) run.reached(undefined, (await acts.finish(action, queue, run)).done);
    for (let done = false; !done; ) {
      const room = Math.min(BATCH, (run.dryRun.plan.limit ?? Number.POSITIVE_INFINITY) - run.done);
      if (room <= 0) break;
      const allowed = await progress.allowance(room);
      const targets = action.kind === "moveMessages" ? [action.to] : [];
      const asker = await progress.patiently(() => requirePresentRight(context, run.job, [queue, ...targets]));
      await progress.patiently(() => sights.requireFor(asker, [queue.project], { action, filter }));
      const found = await progress.patiently(() => look(allowed));
      const { messages } = found;
      const acted = messages.length === 0 ? { done: 0, left: [] } : await acts.act(action, queue, messages, run);
      progress.unused(allowed - acted.done);
      for (const why of acted.left) run.left.add(why, queue);
      run.reached(found.position, acted.done);
      done = found.done;
      if (messages.length > 0) await run.store();
      else progress.checkpoint();
    }
  } catch (error) {
    // A queue that was deleted meanwhile holds nothing.
    if (!isMissing(error, queue)) throw error;
  }
}
