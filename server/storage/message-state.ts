import type { Message } from "./data-driver.ts";

/**
 * What may be done with a message now. Each has exactly one state: the first in this table that fits.
 *
 * | state     | when                                            | what makes it ready                     |
 * |-----------|-------------------------------------------------|-----------------------------------------|
 * | claimed   | a live claim holds it                           | a release, or the claim's end           |
 * | delayed   | its delay is not over                           | the delay's end                         |
 * | exhausted | it was claimed `exhaustedFrom` times or more    | a higher `exhaustedFrom`, or none       |
 * | ready     | none of these: claim and pop give it            |                                         |
 *
 * Claims in another queue do not count. Drivers do not know dead letter queues, so whoever calls says from which count
 * on a message is exhausted; null or left out: none is. A count only grows while a message stays in its queue, so only
 * the caller's number ends this state.
 */
export type MessageState = "claimed" | "delayed" | "exhausted" | "ready";

/** The state of a message as it was read. */
export function stateOf(message: Message, exhaustedFrom: number | null): MessageState {
  if (message.claim !== null) return "claimed";
  if (message.delayedUntil !== null) return "delayed";
  return exhaustedFrom !== null && message.claimCount >= exhaustedFrom ? "exhausted" : "ready";
}
