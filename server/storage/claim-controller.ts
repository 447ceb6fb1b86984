/** What a pool does with claims. */
import type { Page, PageRequest } from "./list-pages.ts";
import type { Message } from "./messages/message.ts";
import type { QueueRef } from "./queue-ref.ts";

export interface Claim {
  id: string;
  ttlSeconds: number;
  graceSeconds: number;
  /** Since the claim was created or last renewed. */
  ageSeconds: number;
  createdAt: Date;
  renewedAt: Date;
  expiresAt: Date;
  clientId: string | null;
  /** Who created it, as access control names them. Null when unknown. */
  actor: string | null;
  /** How many messages the claim still holds. */
  messageCount: number;
}

/** A claim ends when it is released, when it expires, or when its last message is deleted, released or moved. */
export interface ClaimController {
  /**
   * Acquires the oldest ready messages for `ttlSeconds`: at most `limit`, or fewer because of `maxBytes`. No two live
   * claims hold the same message. A message that would expire before the claim lives until the claim's end + grace.
   *
   * - Nothing ready: `claim` is null and nothing is created. The exception at `pop` holds here too.
   * - Claims that are created together may share `maxBytes`; each gets at least one message.
   * - `deadLettersFrom`: a ready message that was claimed so often already is not delivered. The claim holds it too and
   *   returns it among `deadLetters` (they count for `limit`), to be moved with `messages.transfer`. When there are
   *   only dead letters, `claim` is null and `claimId` is set. Give `exhaustedFrom` instead when there is no dead
   *   letter queue: then such messages are passed over.
   * - `idempotencyKey`: a repeat while the claim is live returns the same claim and the messages it still holds. With a
   *   smaller `maxBytes` it returns the first of them; `get` returns the rest.
   *
   * Price: behind thousands of held or delayed messages, one that becomes ready among them may be passed over for up
   * to ten seconds, as long as there are others to acquire. With fewer it never is.
   */
  create(params: {
    queue: QueueRef;
    limit: number;
    maxBytes?: number;
    ttlSeconds: number;
    graceSeconds: number;
    clientId: string | null;
    actor?: string | null;
    exhaustedFrom?: number | null;
    deadLettersFrom?: number | null;
    idempotencyKey?: string;
  }): Promise<{ claimId: string; claim: Claim | null; messages: Message[]; deadLetters: Message[] }>;

  /**
   * A claim with the messages that it still holds, in marker order, those after the marker `after`. They may end early,
   * because of `maxBytes`. To get all, continue after the last one, until none is returned. CLAIM_DOES_NOT_EXIST once
   * the claim has ended.
   */
  get(params: {
    queue: QueueRef;
    id: string;
    after?: string;
    maxBytes?: number;
  }): Promise<{ claim: Claim; messages: Message[] }>;

  /** Live claims of the queue, oldest first; marker = claim id. */
  list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Claim>>;

  /** Renews the claim: it expires ttl from now. Extends its messages' lives as `create` does. CLAIM_DOES_NOT_EXIST. */
  update(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim>;

  /** Releases the claim: its messages are ready at once. Silent when there is no such claim. */
  delete(params: { queue: QueueRef; id: string }): Promise<void>;

  /**
   * Releases those of the messages that the claim holds, and returns how many. They are ready at once, or delayed for
   * `delaySeconds`. Each keeps its place in the queue, its claim count and its expiry, which may come before the delay
   * ends. Checks and releases in one step.
   *
   * Messages that no live claim holds stay as they are, so a repeat does nothing. MESSAGE_NOT_CLAIMED_BY when another
   * claim holds one of them; `details.messageIds` names up to 100. Then none is released.
   */
  releaseMessages(params: {
    queue: QueueRef;
    claimId: string;
    ids: readonly string[];
    delaySeconds: number;
  }): Promise<number>;
}
