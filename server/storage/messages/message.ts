import type { DeadLettered } from "./dead-lettered.ts";
import type { MessageHeaders } from "./message-headers.ts";

export interface Message {
  /** A UUID. Kept when the message moves to another queue or pool. */
  id: string;
  /** The message's position in its queue: decimal digits that grow in commit order. Never reused within a store. */
  marker: string;
  bodyText: string;
  /** As posted. Kept when the message moves. */
  headers: MessageHeaders | null;
  /** As posted, or ttl + grace of a claim that extended the message's life. */
  ttlSeconds: number;
  /** Since it was posted, or transferred to this queue. */
  ageSeconds: number;
  createdAt: Date;
  expiresAt: Date;
  /** Null when it has no delay, or the delay is over. */
  delayedUntil: Date | null;
  clientId: string | null;
  /** How often it was claimed in this queue. */
  claimCount: number;
  /** The live claim that holds it. Null when none does. */
  claim: { id: string; expiresAt: Date } | null;
  /** The last claim on it, live or expired; null after a release. Zaqar's href shows it. */
  lastClaimId: string | null;
  /** Null for a message that was never moved to a dead letter queue. Kept when it moves on. */
  deadLettered: DeadLettered | null;
}
