import { setImmediate } from "node:timers/promises";
import type { Message } from "../../storage/data-driver.ts";
import { type MessageState, stateOf } from "../../storage/messages/message-state.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { type BodyVisibility, type Sight, shownPart } from "../bodies/sights.ts";

/** A message as its caller sees it, with the project and queue that it is in, and its state when it was read. */
export interface MessageRecord extends Message {
  bodyVisibility: BodyVisibility;
  project: string;
  queue: string;
  state: MessageState;
}

/**
 * Adds their queue and states to messages, and shows of their bodies what the sight allows. At once for a sight of
 * everything. Then it writes into the objects, because the driver created them for this call alone.
 */
export function placed(
  queue: QueueRef,
  messages: readonly Message[],
  exhaustedFrom: number | null,
  sight: Sight,
): MessageRecord[] | Promise<MessageRecord[]> {
  if (sight.visibility !== "full") return maskedOnes(queue, messages, exhaustedFrom, sight);
  return messages.map((message) =>
    Object.assign(message, placeOf(queue, message, exhaustedFrom), { bodyVisibility: sight.visibility }),
  );
}

/** The same for one message, which may be shared: it stays as it is unless it is seen in full. */
export async function placedOne(
  queue: QueueRef,
  message: Message,
  exhaustedFrom: number | null,
  sight: Sight,
): Promise<MessageRecord> {
  const [record] = await placed(queue, [message], exhaustedFrom, sight);
  return record as MessageRecord;
}

/** Characters that are masked in one turn of the event loop. */
const MASKED_A_TURN = 262_144;

async function maskedOnes(
  queue: QueueRef,
  messages: readonly Message[],
  exhaustedFrom: number | null,
  sight: Sight,
): Promise<MessageRecord[]> {
  const records: MessageRecord[] = [];
  let characters = 0;
  for (const message of messages) {
    records.push({ ...(await shownPart(message, sight)), ...placeOf(queue, message, exhaustedFrom) });
    characters += message.bodyText.length;
    if (characters < MASKED_A_TURN) continue;
    characters = 0;
    await setImmediate();
  }
  return records;
}

function placeOf(queue: QueueRef, message: Message, exhaustedFrom: number | null) {
  return { project: queue.project, queue: queue.name, state: stateOf(message, exhaustedFrom) };
}

export const itself = (messages: readonly Message[]) => messages;
