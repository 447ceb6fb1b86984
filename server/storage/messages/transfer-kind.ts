import type { Tallied } from "../queue-totals.ts";
import type { LifeEventKind } from "./message-life.ts";

/**
 * What a transfer to another queue is for. The totals of the source and kept lives tell a dead letter from others. Only
 * a dead letter gets a new `deadLettered`.
 */
export type TransferKind = "deadLetter" | "redrive" | "move";

/** How the source counts a message that it gives away. */
export const tallyOf = (as: TransferKind): Tallied => (as === "deadLetter" ? "deadLettered" : "moved");

/** The event with which the message leaves the source. */
export const endingOf = (as: TransferKind) => (as === "deadLetter" ? "deadLettered" : "moved") satisfies LifeEventKind;
