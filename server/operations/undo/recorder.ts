import { createHash, randomUUID } from "node:crypto";
import type { Access } from "../../access/access.ts";
import { DomainError, hasCode } from "../../errors.ts";
import { normaliseUuid } from "../../storage/list-pages.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Undo, UndoAction } from "../../storage/undo/undo-records.ts";
import type { OperationContext } from "../context.ts";

interface Act {
  access: Pick<Access, "actor">;
  action: UndoAction;
  queue: QueueRef;
  /** Of the act: a repeat has the undo of the first call. */
  idempotencyKey?: string | undefined;
  /** JSON: the subscriptions that it is about to remove. */
  subscriptionsText?: string | null;
  /** The id of the job that does it. */
  job?: string;
}

/** What a job deletes of one queue. */
export interface KeptDeletes {
  token: string;
  /** How many; null when that is not known. */
  deleted: number | null;
}

/** A job that may delete more cannot be taken back. */
export const MAX_UNDOABLE_DELETES = 10_000;

/** How operations record what can be taken back. */
export interface UndoRecorder {
  /**
   * Runs `act` with a token for the pool, and returns its result and the undo: null when nothing was removed, or with
   * UNDO_SECONDS=0; then `act` gets no token. `removed` says how many messages the act removed, null when that is not
   * known.
   *
   * The record is written first, so that a crash after the act does not lose it.
   */
  record<T>(
    params: Act,
    act: (undoToken: string | undefined) => Promise<T>,
    removed: (result: T) => number | null,
  ): Promise<{ result: T; undo: Undo | null }>;
  /**
   * For what a job deletes of a queue with many calls. `job` is needed, and the key is the same for whoever continues.
   * Before each call ask `goesOn`: false means that the call gets no token, and nothing of it can be taken back any
   * more. After the last call `end` it; nobody can take it back before, or before the job has ended.
   */
  begin(act: Act & { job: string; idempotencyKey: string }): Promise<KeptDeletes>;
  goesOn(kept: KeptDeletes): Promise<boolean>;
  /** The job deletes too many for that. */
  giveUp(kept: KeptDeletes): Promise<void>;
  end(kept: KeptDeletes): Promise<void>;
}

export function createUndoRecorder({ control, limits, warn }: OperationContext): UndoRecorder {
  const { undos } = control;
  const seconds = limits.UNDO_SECONDS;

  /** What is not written of a record costs no act: the pool decides in the end. */
  const quietly = (work: Promise<void>) =>
    work.catch((error: unknown) => warn("The record of what can be taken back could not be completed", error));

  return {
    async record({ access, action, queue, idempotencyKey, subscriptionsText = null, job }, act, removed) {
      if (seconds === 0) return { result: await act(undefined), undo: null };
      const token = idempotencyKey === undefined ? randomUUID() : tokenOf(queue, idempotencyKey);
      const isNew = await undos.add({ token, action, queue, actor: access.actor, seconds, subscriptionsText, job });
      let result: Awaited<ReturnType<typeof act>>;
      try {
        result = await act(token);
      } catch (error) {
        const isPartial = error instanceof DomainError && error.details.partial === true;
        if (isNew && !isPartial && !hasCode(error, "OUTCOME_UNKNOWN")) {
          // The subscriptions may be gone already, and only the record has them.
          await quietly(subscriptionsText === null ? undos.remove(token) : undos.settle({ token, messages: 0 }));
        }
        throw error;
      }
      const messages = removed(result);
      if (isNew && messages === 0 && subscriptionsText === null) {
        await quietly(undos.remove(token));
        return { result, undo: null };
      }
      if (isNew) await quietly(undos.settle({ token, messages }));
      const undo = await undos.find(token).catch(() => null);
      return { result, undo: undo?.closedBecause === null ? undo : null };
    },

    async begin({ access, action, queue, idempotencyKey, job }) {
      const token = tokenOf(queue, idempotencyKey);
      const isNew = await undos.add({ token, action, queue, actor: access.actor, seconds, job });
      return { token, deleted: isNew ? 0 : null };
    },

    goesOn: ({ token }) => undos.renew({ token, seconds }),

    async giveUp({ token }) {
      await undos.renew({ token, seconds: 0 });
    },

    async end({ token, deleted }) {
      await (deleted === 0 ? undos.remove(token) : undos.settle({ token, messages: deleted }));
    },
  };
}

/** The same for each repeat: the pool knows what it removed by the token of the first call. */
function tokenOf({ project, name }: QueueRef, key: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([project, name, key]))
    .digest("hex");
  return normaliseUuid(
    `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
  ) as string;
}
