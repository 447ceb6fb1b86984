import type { Access } from "../../access/access.ts";
import type { ConsumerNotes } from "../../history/consumer-notes.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkBatch, checkWhole } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import { inLiveQueue, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type ClaimRecord, claimed, holderOf } from "./record.ts";
import { type ClaimTimes, checkTimes } from "./times.ts";

/** Needs the permission consume. */
export interface ClaimWrites {
  /**
   * Renews the claim: it expires `ttlSeconds` from now. A program that does shows that the claim's holder is at work; a
   * person on a page does not. CLAIM_DOES_NOT_EXIST.
   */
  update(access: Access, params: QueueAddress & ClaimTimes & { claimId: string }): Promise<ClaimRecord>;
  /** Releases the claim: its messages are ready at once. Silent when there is no such claim. */
  delete(access: Access, params: QueueAddress & { claimId: string }): Promise<void>;
  /**
   * Releases those of the messages that the claim holds, and returns how many. They are ready at once, or after
   * `delaySeconds` (0 to MAX_MESSAGE_DELAY). They keep their places, their claim counts and their expiry.
   *
   * Messages that nobody holds stay as they are, so a repeat does no harm. MESSAGE_NOT_CLAIMED_BY (details
   * `messageIds`) when another claim holds one of them; then none is released. At most MAX_PAGE_SIZE ids.
   */
  releaseMessages(
    access: Access,
    params: QueueAddress & { claimId: string; ids: readonly string[]; delaySeconds?: number | null },
  ): Promise<number>;
}

export function createClaimWrites(
  { data, limits }: OperationContext,
  { lookup, notes }: { lookup: QueueLookup; notes: ConsumerNotes | null },
): ClaimWrites {
  return {
    async update(access, params) {
      const queue = chosenQueue(limits, access, "consume", params);
      const times = checkTimes(limits, params);
      const claim = await inLiveQueue(lookup, queue, () => data.claims.update({ queue, id: params.claimId, ...times }));
      const holder = access.isPerson === true ? null : holderOf(claim);
      if (holder !== null) notes?.noteRenewal(queue, holder, access.actor);
      return claimed(queue, claim);
    },

    async delete(access, params) {
      const queue = chosenQueue(limits, access, "consume", params);
      await inLiveQueue(lookup, queue, () => data.claims.delete({ queue, id: params.claimId }));
    },

    async releaseMessages(access, params) {
      const queue = chosenQueue(limits, access, "consume", params);
      const { claimId } = params;
      const ids = checkBatch(limits, "ids", params.ids);
      const delaySeconds = checkWhole("delaySeconds", params.delaySeconds ?? 0, 0, limits.MAX_MESSAGE_DELAY, "seconds");
      return inLiveQueue(lookup, queue, () => data.claims.releaseMessages({ queue, claimId, ids, delaySeconds }));
    },
  };
}
