import type { Access } from "../access/access.ts";
import type { DeleteOutcome, Message, Page } from "../storage/data-driver.ts";
import type { PageParams, QueueAddress } from "./addresses.ts";

/** A message and where it is. */
export interface MessageRecord extends Message {
  project: string;
  queue: string;
}

export interface MessageToPost {
  /** Exact JSON text of the body; any JSON value. */
  bodyText: string;
  /** Left out: the queue's `_default_message_ttl`. */
  ttlSeconds?: number | null;
  /** Left out: the queue's `_default_message_delay`. */
  delaySeconds?: number | null;
}

/**
 * Reading needs the role viewer; post, pop and delete operator. A missing queue is QUEUE_DOES_NOT_EXIST in post; elsewhere it is as if empty.
 */
export interface MessageOperations {
  /**
   * All or none; ids in the order given. `createQueue` makes a missing queue first. With an idempotencyKey a repeat within a day
   * gives the first answer. BAD_INPUT, TOO_LARGE, QUEUE_DOES_NOT_EXIST, IDEMPOTENCY_KEY_REUSED.
   */
  post(
    access: Access,
    params: QueueAddress & {
      messages: readonly MessageToPost[];
      clientId?: string | null;
      idempotencyKey?: string | null;
      createQueue?: boolean;
    },
  ): Promise<{ ids: string[] }>;
  /**
   * Oldest first. Leaves out claimed and delayed ones unless asked. `echo` false leaves out those that `clientId` posted, and needs one.
   * Page by the markers, or by a message's own marker; nothing committed is missed.
   */
  list(
    access: Access,
    params: QueueAddress &
      PageParams & { clientId?: string | null; echo?: boolean; includeClaimed?: boolean; includeDelayed?: boolean },
  ): Promise<Page<MessageRecord>>;
  /** Claimed and delayed ones too. MESSAGE_DOES_NOT_EXIST. */
  get(access: Access, params: QueueAddress & { id: string }): Promise<MessageRecord>;
  /** Those that exist, in the order asked, each once. At most MAX_PAGE_SIZE ids. */
  bulkGet(access: Access, params: QueueAddress & { ids: readonly string[] }): Promise<MessageRecord[]>;
  /** The oldest or newest, claimed and delayed ones included. QUEUE_IS_EMPTY. */
  first(access: Access, params: QueueAddress & { sort?: "oldest" | "newest" }): Promise<MessageRecord>;
  /** Takes the oldest free messages away for good. `limit` as for pages. */
  pop(access: Access, params: QueueAddress & { limit?: number | null }): Promise<MessageRecord[]>;
  /** MESSAGE_IS_CLAIMED without the claim; MESSAGE_NOT_CLAIMED, MESSAGE_NOT_CLAIMED_BY, CLAIM_DOES_NOT_EXIST with the wrong one. */
  delete(access: Access, params: QueueAddress & { id: string; claimId?: string | null }): Promise<DeleteOutcome>;
  /** Claimed ones too, unless `claimIds` limits it to theirs: then all or none, MESSAGE_NOT_CLAIMED_BY. Gives how many were deleted. */
  bulkDelete(
    access: Access,
    params: QueueAddress & { ids: readonly string[]; claimIds?: readonly string[] | null },
  ): Promise<number>;
  /**
   * Messages as they come, in the queue's order, claimed ones too: those after the marker `after`, else those posted from now on. Delayed ones come
   * when they are posted. Woken at once by posts of this process and within a second by those of others. Reads on only when the reader does. Ends when
   * `signal` aborts; QUEUE_DOES_NOT_EXIST when the queue is missing or goes.
   */
  watch(
    access: Access,
    params: QueueAddress & { after?: string | null; signal: AbortSignal },
  ): AsyncIterableIterator<MessageRecord>;
}
