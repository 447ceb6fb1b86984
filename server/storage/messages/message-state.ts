import type { Message } from "./message.ts";

/**
 * What can be done with a message now. Each has exactly one state: the first in this table that fits.
 *
 * | state     | when                                            | what makes it ready                     |
 * |-----------|-------------------------------------------------|-----------------------------------------|
 * | claimed   | a live claim holds it                           | it is released, or the claim expires    |
 * | delayed   | its delay is not over                           | the delay ends                          |
 * | exhausted | it was claimed `exhaustedFrom` times or more    | a higher `exhaustedFrom`, or none       |
 * | ready     | none of these: claim and pop deliver it         |                                         |
 *
 * Claims in another queue do not count. Drivers do not know dead letter queues. So the caller says from how many claims
 * on a message is exhausted; with null, or left out, none is. The count only grows while a message stays in its queue,
 * so only another `exhaustedFrom` ends this state.
 */
export type MessageState = "claimed" | "delayed" | "exhausted" | "ready";

/** The state of a message at the time when it was read. */
export function stateOf(message: Message, exhaustedFrom: number | null): MessageState {
  if (message.claim !== null) return "claimed";
  if (message.delayedUntil !== null) return "delayed";
  return exhaustedFrom !== null && message.claimCount >= exhaustedFrom ? "exhausted" : "ready";
}
