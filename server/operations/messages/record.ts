import type { Message } from "../../storage/data-driver.ts";
import { type MessageState, stateOf } from "../../storage/messages/message-state.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";

/** A message, with the project and queue that it is in, and its state when it was read. */
export interface MessageRecord extends Message {
  project: string;
  queue: string;
  state: MessageState;
}

/** Adds its queue and state to a message. Writes into the object, because the driver created it for this call alone. */
export function placed(queue: QueueRef, message: Message, exhaustedFrom: number | null): MessageRecord {
  return Object.assign(message, {
    project: queue.project,
    queue: queue.name,
    state: stateOf(message, exhaustedFrom),
  });
}

export const itself = (messages: readonly Message[]) => messages;
