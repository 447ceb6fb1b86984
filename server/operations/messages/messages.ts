import type { ConsumerNotes } from "../../history/consumer-notes.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { LongPolls } from "../live/long-polls.ts";
import type { QueueTail } from "../live/queue-tail.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import { createMessageDeletes, type MessageDeletes } from "./delete.ts";
import { createMessageLives, type MessageLifeReads } from "./lives.ts";
import { createMessagePosts, type MessagePosts } from "./post.ts";
import { createMessageReads, type MessageReads } from "./read.ts";
import { createMessageSearches, type MessageSearches } from "./search.ts";

/**
 * Reading needs the permission read, post produce, pop and delete consume. Reads treat a missing queue as an empty one.
 * The other operations and `watch` are QUEUE_DOES_NOT_EXIST there.
 *
 * All but `watch` happen as a whole or not at all, also when a crash comes between. Calls may run at the same time:
 * MessageController says what they see of one another.
 */
export interface MessageOperations
  extends MessagePosts,
    MessageReads,
    MessageSearches,
    MessageLifeReads,
    MessageDeletes {}

export function createMessageOperations(
  context: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    recorder: UndoRecorder;
    tail: QueueTail;
    longPolls: LongPolls;
    deadLetters: Pick<DeadLetters, "exhaustedFrom">;
    notes: ConsumerNotes | null;
    pauses: PauseBook;
    sights: BodySights;
  },
): MessageOperations {
  return {
    ...createMessagePosts(context, parts),
    ...createMessageReads(context, parts),
    ...createMessageSearches(context, parts),
    ...createMessageLives(context, parts),
    ...createMessageDeletes(context, parts),
  };
}
