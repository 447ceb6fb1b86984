/**
 * The part of the data plane's seam that moves a queue between stores, of one engine or two. `moveQueue` (queue-move.ts) calls both sides in a
 * stated order; a store never sees the other.
 *
 * An attempt is known by `moveEpoch`, the epoch of the life that the queue begins where it goes: drawn anew by each attempt, so it is a fence. In
 * every call an attempt that was taken over by a later one, or whose queue's life is over, is QUEUE_EPOCH_STALE and changes nothing.
 *
 * Markers are kept, so a reader's old marker means the same place, and order stays. Only durations travel, as whole or broken milliseconds: each
 * store adds them to its own clock, so what is on its way lives longer by the time that takes, and never shorter.
 */
import type { QueueRef } from "./queue-ref.ts";

/** A queue's life in a store. */
export type QueueLife = QueueRef & { readonly epoch: number };

/** What can change of a message. */
export interface MovedState {
  marker: string;
  ttlSeconds: number;
  claimCount: number;
  /** The last claim on it, live or lapsed. */
  claimId: string | null;
  /** Negative once that has lapsed. */
  claimRemainingMs: number | null;
  remainingMs: number;
  /** Until it may be claimed; null when it may be. */
  delayMs: number | null;
}

export interface MovedMessage extends MovedState {
  id: string;
  bodyText: string;
  clientId: string | null;
  ageMs: number;
}

export interface MovedClaim {
  id: string;
  clientId: string | null;
  actor: string | null;
  ttlSeconds: number;
  graceSeconds: number;
  /** Of the messages it took, ascending; some may be gone. */
  markers: string[];
  ageMs: number;
  sinceRenewalMs: number;
  remainingMs: number;
}

/** An idempotency key. `request` is the SHA-256, in hex, of the request's JSON as the drivers agree on it: ["post", messages, clientId], ["claim", limit, ttlSeconds, graceSeconds, clientId], ["purge"]. */
export interface MovedKey {
  key: string;
  request: string;
  /** Ids, of messages or of a claim, joined by commas. */
  result: string;
  ageMs: number;
}

export interface MovedSubscription {
  id: string;
  subscriber: string;
  ttlSeconds: number;
  optionsText: string;
  confirmed: boolean;
  ageMs: number;
  sinceRenewalMs: number;
  remainingMs: number;
}

/** How much was posted, claimed, deleted and expired, ever. */
export interface MovedCounts {
  posted: number;
  claimed: number;
  deleted: number;
  expired: number;
}

/** What goes along beside messages and claims, read once nothing changes any more. */
export interface MovedRest {
  /** Messages at or below it are purged. */
  lowWater: string;
  /** No marker that this store ever gave is above it. */
  highestMarker: string;
  counts: MovedCounts;
  /** How many live claims there are. */
  claims: number;
  subscriptions: MovedSubscription[];
}

export interface QueueTransfer {
  // ------------------------------------------------------------------------------------ where the queue is

  /** Begins to note which messages change, while the queue goes on living. Takes over from an earlier attempt: undoes its freeze, forgets what it noted. DEADLINE_EXCEEDED when the store is too busy. */
  begin(params: { queue: QueueLife; moveEpoch: number }): Promise<void>;
  /** The next messages by marker, at most `limit` and a few MB; empty when there are none. Those that are purged or expired are left out. */
  readMessages(params: { queue: QueueLife; moveEpoch: number; after: string; limit: number }): Promise<MovedMessage[]>;
  /**
   * Takes at most about `limit` of the notes, and gives what became of their messages as they are now. `more`: there may be further notes. A message that
   * changes again is noted again. Both lists may name messages that were not read yet.
   */
  takeChanges(params: {
    queue: QueueLife;
    moveEpoch: number;
    limit: number;
  }): Promise<{ changed: MovedState[]; gone: string[]; more: boolean }>;
  /** Idempotency keys in an order of the store's own; `after` is the last one of the page before, or empty. One that is used meanwhile may come twice. With `youngerThanMs` only those used since then. */
  readKeys(params: {
    queue: QueueLife;
    moveEpoch: number;
    after: string;
    limit: number;
    youngerThanMs?: number;
  }): Promise<MovedKey[]>;
  /**
   * From when this resolves until `thaw` or `leave` nothing of the queue changes, whatever was under way before: every call for it, and every change of its
   * subscriptions, is QUEUE_IS_MOVING. DEADLINE_EXCEEDED, and the queue lives on, when what is under way does not end within `deadlineMs`.
   */
  freeze(params: { queue: QueueLife; moveEpoch: number; deadlineMs: number }): Promise<void>;
  /** Live claims by id ("" to begin with), or those of some ids. One that is made, renewed or shortened later changes a message, and so is noted with it. */
  readClaims(
    params: { queue: QueueLife; moveEpoch: number } & ({ after: string; limit: number } | { ids: readonly string[] }),
  ): Promise<MovedClaim[]>;
  readRest(params: { queue: QueueLife; moveEpoch: number }): Promise<MovedRest>;
  /**
   * Gives up this attempt and every earlier one: the queue can be used here again. A later attempt goes on.
   * Returns true when this store still holds the life that was copied. Returns false when that life is over here, or
   * when no attempt ever began on it: then the target may hold the only copy (see `openEpoch`).
   */
  thaw(params: { queue: QueueLife; moveEpoch: number }): Promise<boolean>;
  /** The queue lives elsewhere: its life here is over, with its subscriptions, and gc frees it. Only after the catalogue says so. Twice is once. */
  leave(params: { queue: QueueLife }): Promise<void>;

  // ----------------------------------------------------------------------------------- where the queue goes

  /** Makes room, which nobody else can see, and takes that of earlier attempts away. QUEUE_EPOCH_STALE when the queue has had a later life here. */
  prepare(params: { queue: QueueLife }): Promise<void>;
  /** Adds messages, changes those that are there, removes what is gone. Gives by how many messages the queue grew. Done twice is done once. */
  writeMessages(params: {
    queue: QueueLife;
    messages: readonly MovedMessage[];
    changed: readonly MovedState[];
    gone: readonly string[];
  }): Promise<number>;
  /**
   * Adds claims, and changes those that are there, after the messages that they hold: one that came or changed later needs its claim once more. A claim
   * whose messages have gone or changed hands ends with the last of them.
   */
  writeClaims(params: { queue: QueueLife; claims: readonly MovedClaim[] }): Promise<void>;
  writeKeys(params: { queue: QueueLife; keys: readonly MovedKey[] }): Promise<void>;
  /** The queue begins to live here, with the rest. Every marker given from now on is above `highestMarker`. */
  open(params: { queue: QueueLife; rest: MovedRest }): Promise<void>;
  /**
   * Deletes what this attempt and every earlier one wrote, opened or not. Silent when there is nothing.
   * Hazard: call it only when the source still holds the queue, or the queue was deleted. A catalogue that names the
   * source is no proof: a control database that failed over can have lost the switch.
   */
  abandon(params: { queue: QueueLife }): Promise<void>;

  // -------------------------------------------------------------------------------------------- either side

  /** The epoch of the life that the queue has in this store, frozen or not. Null when it has none. */
  openEpoch(params: { queue: QueueRef }): Promise<number | null>;
}
