/** Takes back what was removed. */
import { type Access, chooseProject, mayUse, requirePermission } from "../../access/access.ts";
import { hasCode } from "../../errors.ts";
import { undoDoesNotExist } from "../../storage/errors/undo-errors.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { completeUndo } from "../../storage/undo/complete-undo.ts";
import type { Undo } from "../../storage/undo/undo-records.ts";
import { intended, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { checkBatch } from "../input/limits.ts";
import { chosenScope } from "../input/names.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type QueueRecord, queueRecord } from "../lifecycle/queue-record.ts";
import type { PauseBook } from "../pauses/pause-book.ts";

export type UndoRecord = Undo;

/** Reading needs the permission read, taking back operate. A caller with some projects sees only the undos of those. */
export interface UndoOperations {
  /** In any state, for a day after its time. Null when there is none, or the caller may not see it. */
  find(access: Access, params: { token: string }): Promise<Undo | null>;
  /** Of each queue the newest that is open; null where there is none. */
  openOf(access: Access, params: { queues: readonly QueueRef[] }): Promise<(Undo | null)[]>;
  /** Of each job those that are open, newest first, at most 100: one of each queue. At most MAX_PAGE_SIZE jobs. */
  openOfJobs(access: Access, params: { jobs: readonly string[] }): Promise<Undo[][]>;
  /** Those that are open, newest first, at most 100. `allProjects` as for lists of queues. FORBIDDEN, BAD_INPUT. */
  list(access: Access, params: { project?: string | null; allProjects?: boolean }): Promise<Undo[]>;
  /**
   * Takes it back. The queue has a new epoch then: messages are held by no claim, and what was posted since stays.
   * `messages`: how many came back, null when that is not known. In any process; after a crash at any step a repeat or
   * the next garbage collection ends it. Audited. UNDO_DOES_NOT_EXIST, UNDO_IS_OVER, QUEUE_IS_MOVING.
   */
  undo(access: Access, params: { token: string }): Promise<{ undo: Undo; queue: QueueRecord; messages: number | null }>;
  /** Ends what crashed processes have begun. Of gc. */
  finishStarted(): Promise<void>;
}

export function createUndoOperations(
  context: OperationContext,
  { lookup, pauses }: { lookup: QueueLookup; pauses: Pick<PauseBook, "forget"> },
): UndoOperations {
  const { control, data, limits, warn } = context;
  const { undos } = control;

  const visible = (access: Access, undo: Undo | null) =>
    undo !== null && mayUse(access, "read", undo.project) ? undo : null;

  async function complete(undo: Undo): Promise<{ messages: number | null }> {
    const queue = { project: undo.project, name: undo.queue };
    try {
      const restored = await completeUndo(undos, await data.pool(undo.pool), undo);
      await data.forgetQueue(queue);
      await keepLives(undo, queue);
      return restored;
    } finally {
      // A deleted queue comes back with its pause.
      pauses.forget();
      await Promise.all([data.forgetQueue(queue), lookup.forget(queue)]);
    }
  }

  /** The lives of a deleted queue's messages ended with it. */
  async function keepLives({ action }: Undo, queue: QueueRef): Promise<void> {
    if (action !== "deleteQueue") return;
    try {
      const { historySeconds: seconds } = await lookup.attributes(queue);
      if (seconds > 0) await data.lives.keep({ queue, seconds });
    } catch (error) {
      warn("A queue that came back does not keep the lives of its messages yet", error);
    }
  }

  async function takeBack(token: string): Promise<{ messages: number | null }> {
    try {
      return await complete(await undos.start(token));
    } catch (error) {
      if (!hasCode(error, "QUEUE_EPOCH_STALE")) throw error;
      // Another undo of the queue has begun a new life just now, and may not have ended yet.
      await finishStarted(token);
      return complete(await undos.start(token));
    }
  }

  /** Each is started again: what was ended before it may have begun another life. */
  async function finishStarted(but?: string): Promise<void> {
    for (const { token } of await undos.listStarted()) {
      if (token === but) continue;
      try {
        await complete(await undos.start(token));
      } catch (error) {
        if (!hasCode(error, "UNDO_IS_OVER")) warn("An undo that was broken off could not be ended", error);
      }
    }
  }

  return {
    async find(access, { token }) {
      requirePermission(access, "read");
      return visible(access, await undos.find(token));
    },

    async openOf(access, { queues }) {
      requirePermission(access, "read");
      return (await undos.openOf(queues)).map((undo) => visible(access, undo));
    },

    async openOfJobs(access, { jobs }) {
      requirePermission(access, "read");
      const found = await undos.openOfJobs(checkBatch(limits, "jobs", jobs));
      return found.map((some) => some.filter((undo) => visible(access, undo) !== null));
    },

    async list(access, params) {
      requirePermission(access, "read");
      return undos.listOpen({ projects: chosenScope(limits, access, "read", params) });
    },

    async undo(access, { token }) {
      const known = visible(access, await undos.find(token));
      if (known === null) throw undoDoesNotExist(token);
      const { project, queue: name, action } = known;
      const trace: Trace = { access, action: "undo", project, target: name };
      await permitted(context, trace, (permission) => chooseProject(access, permission, project));
      const details = { undone: action, token: known.token, by: known.actor };
      const { messages } = await intended(
        context,
        trace,
        details,
        () => takeBack(token),
        (done) => done,
      );
      const [undo, queue] = await Promise.all([undos.find(token), control.queues.get({ project, name })]);
      return { undo: undo ?? known, queue: queueRecord(limits, queue), messages };
    },

    finishStarted: () => finishStarted(),
  };
}
