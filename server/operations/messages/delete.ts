import type { Access, Permission } from "../../access/access.ts";
import { NEEDS, OPERATE } from "../../access/needs.ts";
import { DomainError } from "../../errors.ts";
import type { ConsumerNotes } from "../../history/consumer-notes.ts";
import type { DeleteOutcome } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { intended, permitted, type Trace } from "../audit/audit-trail.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput, checkBatch, checkLimit } from "../input/limits.ts";
import { checkToken, chosenQueue } from "../input/names.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import { inLiveQueue, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import type { UndoRecord } from "../undo/undo.ts";
import { type BodyBudget, pageBudget } from "./body-budget.ts";
import { itself, type MessageRecord, placed } from "./record.ts";

interface DeletedMessages {
  deleted: number;
  undo: UndoRecord | null;
}

/** Needs the permission consume; `force` needs operate. */
export interface MessageDeletes {
  /**
   * Deletes the oldest ready messages and returns them: at most `limit` (as for pages), or fewer because of bytes. No
   * two callers get the same message. `clientId` names the consumer. Hazard: without a key, if the answer is lost, so are the messages.
   *
   * With an `idempotencyKey`, a repeat within ten minutes returns the same messages and deletes none, whatever came
   * between. They are kept with the deletion, both or neither, so a pop with a key takes at most 4 MiB.
   * IDEMPOTENCY_KEY_REUSED; TOO_LARGE when a repeat has too little room left in its answer.
   *
   * A paused queue gives out nothing: see PauseOperations. With a key, QUEUE_IS_PAUSED: "nothing" would hide what an
   * earlier call took.
   */
  pop(
    access: Access,
    params: QueueAddress & {
      limit?: number | null;
      clientId?: string | null;
      idempotencyKey?: string | null;
      bodies?: BodyBudget;
    },
  ): Promise<MessageRecord[]>;
  /**
   * Deletes a message, in one step with its check.
   *
   * - Without `claimId`: MESSAGE_IS_CLAIMED when a live claim holds it. `force` deletes it all the same, and is
   *   audited.
   * - With `claimId`: MESSAGE_NOT_CLAIMED, MESSAGE_NOT_CLAIMED_BY or CLAIM_DOES_NOT_EXIST unless that claim holds it.
   * - With both: BAD_INPUT.
   *
   * `undo`: how to take back a forced delete.
   */
  delete(
    access: Access,
    params: QueueAddress & { id: string; claimId?: string | null; force?: boolean },
  ): Promise<{ outcome: DeleteOutcome; undo: UndoRecord | null }>;
  /**
   * Deletes the messages that exist, all or none, and returns how many.
   *
   * - With `claimIds`: MESSAGE_NOT_CLAIMED_BY unless each message is held by one of these claims; also for a claim
   *   that does not exist, and for a message that nobody holds.
   * - Without: MESSAGE_IS_CLAIMED (details `messageIds`) when a live claim holds one. `force` deletes them all the
   *   same. Audited, forced or not: a crash can leave the entry "intended". `undo`: how to take it back.
   * - With both: BAD_INPUT.
   */
  bulkDelete(
    access: Access,
    params: QueueAddress & { ids: readonly string[]; claimIds?: readonly string[] | null; force?: boolean },
  ): Promise<DeletedMessages>;
}

export function createMessageDeletes(
  context: OperationContext,
  {
    lookup,
    deadLetters,
    recorder,
    notes,
    pauses,
    sights,
  }: {
    lookup: QueueLookup;
    deadLetters: Pick<DeadLetters, "exhaustedFrom">;
    recorder: UndoRecorder;
    notes: ConsumerNotes | null;
    pauses: PauseBook;
    sights: BodySights;
  },
): MessageDeletes {
  const { data, limits } = context;
  const ofPage = pageBudget(limits);

  /** Audited only without claims. With claims it is how consumers acknowledge messages, many times a second. */
  async function deleteMany(
    access: Access,
    action: "deleteMessage" | "deleteMessages",
    params: Parameters<MessageDeletes["bulkDelete"]>[1],
  ): Promise<DeletedMessages> {
    const trace: Trace = { access, action, project: params.project ?? null, target: String(params.queue) };
    const force = params.force === true;
    // Others hold what force deletes.
    const need = force ? OPERATE : NEEDS[action];
    const choose = (permission: Permission) => chosenQueue(limits, access, permission, params);
    const queue = await permitted(context, trace, choose, need);
    const ids = checkBatch(limits, "ids", params.ids);
    const claimIds = params.claimIds ?? undefined;
    if (claimIds !== undefined) {
      if (force) {
        const claims = action === "deleteMessage" ? "claimId" : "claimIds";
        throw badInput("force", `Give \`${claims}\` or \`force\`, not both.`);
      }
      checkBatch(limits, "claimIds", claimIds);
      return inLiveQueue(lookup, queue, async () => {
        const { deleted } = await data.messages.bulkDelete({ queue, ids, claimIds });
        return { deleted, undo: null };
      });
    }
    await lookup.attributes(queue);
    const claimed = force ? "delete" : "refuse";
    const work = (undoToken: string | undefined) => data.messages.bulkDelete({ queue, ids, claimed, undoToken });
    const record = () => recorder.record({ access, action, queue }, work, ({ deleted }) => deleted);
    const details = { ids: ids.length, ...(force ? { force } : {}) };
    const { result, undo } = await intended(
      context,
      { ...trace, project: queue.project },
      details,
      record,
      ({ result: { deleted } }) => ({ deleted }),
    );
    return { deleted: result.deleted, undo };
  }

  return {
    async pop(access, params) {
      const queue = chosenQueue(limits, access, "consume", params);
      const { bodies = ofPage } = params;
      const limit = checkLimit(limits, "limit", params.limit);
      const clientId = checkToken("clientId", params.clientId);
      const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey);
      const once = idempotencyKey === null ? {} : { idempotencyKey };
      // Before it takes anything: what is taken is gone when this fails.
      const sight = await sights.taken(access, queue.project);
      return inLiveQueue(lookup, queue, async (attributes) => {
        const paused = pauses.of(queue);
        if ((paused instanceof Promise ? await paused : paused) !== null) {
          if (idempotencyKey === null) return [];
          throw queueIsPaused(queue);
        }
        const exhaustedFrom = await deadLetters.exhaustedFrom(queue, attributes);
        const take = (maxBytes: number) => data.messages.pop({ queue, limit, exhaustedFrom, maxBytes, ...once });
        const messages = await bodies.spend(take, itself);
        notes?.note(queue, clientId, access.actor, messages.length);
        return placed(queue, messages, exhaustedFrom, sight);
      });
    },

    async delete(access, params) {
      const { id, force } = params;
      const claimId = params.claimId ?? undefined;
      if (force === true) {
        const claimIds = claimId === undefined ? undefined : [claimId];
        const { deleted, undo } = await deleteMany(access, "deleteMessage", { ...params, ids: [id], claimIds });
        return { outcome: deleted > 0 ? "deleted" : "absent", undo };
      }
      const queue = chosenQueue(limits, access, "consume", params);
      const claim = claimId === undefined ? {} : { claimId };
      const outcome = await inLiveQueue(lookup, queue, () => data.messages.delete({ queue, id, ...claim }));
      return { outcome, undo: null };
    },

    bulkDelete: (access, params) => deleteMany(access, "deleteMessages", params),
  };
}

function queueIsPaused(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_IS_PAUSED", "The queue is paused. Ask again with the same key once it is resumed.", {
    details: { queue: queue.name },
  });
}
