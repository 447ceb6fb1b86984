import type { Access } from "../access/access.ts";
import type { Claim, Page } from "../storage/data-driver.ts";
import type { PageParams, QueueAddress } from "./addresses.ts";
import type { MessageRecord } from "./messages.ts";

/** A claim and where it is. */
export interface ClaimRecord extends Claim {
  project: string;
  queue: string;
}

/** Left out: the server's defaults. */
export interface ClaimTimes {
  ttlSeconds?: number | null;
  graceSeconds?: number | null;
}

/** Reading needs the role viewer, the rest operator. */
export interface ClaimOperations {
  /**
   * Takes up to `limit` of the oldest free messages. Nothing to claim: `claim` is null. Messages that were claimed `_max_claim_count` times go to the
   * queue's `_dead_letter_queue` first, and `deadLettered` counts them; while that queue is missing they stay, undelivered.
   * With an idempotencyKey a repeat while the claim is live gives the same claim. QUEUE_DOES_NOT_EXIST, BAD_INPUT.
   */
  create(
    access: Access,
    params: QueueAddress &
      ClaimTimes & {
        limit?: number | null;
        clientId?: string | null;
        idempotencyKey?: string | null;
        createQueue?: boolean;
      },
  ): Promise<{ claim: ClaimRecord | null; messages: MessageRecord[]; deadLettered: number }>;
  /** CLAIM_DOES_NOT_EXIST when released or expired. */
  get(
    access: Access,
    params: QueueAddress & { id: string },
  ): Promise<{ claim: ClaimRecord; messages: MessageRecord[] }>;
  /** Live claims, oldest first. */
  list(access: Access, params: QueueAddress & PageParams): Promise<Page<ClaimRecord>>;
  /** Renews: it expires `ttlSeconds` from now. CLAIM_DOES_NOT_EXIST. */
  update(access: Access, params: QueueAddress & ClaimTimes & { id: string }): Promise<ClaimRecord>;
  /** Releases: its messages are free at once. Silent when there is none. */
  delete(access: Access, params: QueueAddress & { id: string }): Promise<void>;
}
