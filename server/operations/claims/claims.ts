import type { ConsumerNotes } from "../../history/consumer-notes.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { LongPolls } from "../live/long-polls.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import { type ClaimAcquire, createClaimAcquire } from "./acquire.ts";
import { type ClaimReads, createClaimReads } from "./read.ts";
import { type ClaimSearch, createClaimSearch } from "./search.ts";
import { type ClaimWrites, createClaimWrites } from "./write.ts";

/**
 * `get`, `list` and `search` need the permission read, the rest consume. A missing queue has no claims: `list` is empty,
 * and `get` is CLAIM_DOES_NOT_EXIST. The rest is QUEUE_DOES_NOT_EXIST there.
 */
export interface ClaimOperations extends ClaimAcquire, ClaimReads, ClaimSearch, ClaimWrites {}

export function createClaimOperations(
  context: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    deadLetters: DeadLetters;
    longPolls: LongPolls;
    notes: ConsumerNotes | null;
    pauses: PauseBook;
    sights: BodySights;
  },
): ClaimOperations {
  return {
    ...createClaimAcquire(context, parts),
    ...createClaimReads(context, parts),
    ...createClaimSearch(context, parts),
    ...createClaimWrites(context, parts),
  };
}
