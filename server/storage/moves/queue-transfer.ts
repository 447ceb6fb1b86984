/**
 * The part of a data driver that moves a queue to another store, of the same engine or another one. `moveQueue` in
 * queue-move.ts calls both stores in a stated order. The two stores never talk to each other.
 *
 * `moveEpoch` identifies an attempt. It is the epoch that the queue gets in the target, new for each attempt, so it
 * also is a fence. A call of an attempt that a later one has replaced, or of a queue whose life is over, changes
 * nothing and fails with QUEUE_EPOCH_STALE.
 *
 * Markers stay the same: a reader's position stays valid, and so does the order. Times travel as durations in
 * milliseconds, whole or fractional. Each store adds them to its own clock. So what is moved lives longer by the time
 * it takes to travel, never shorter.
 */
import type { DeadLettered } from "../messages/dead-lettered.ts";
import type { MessageHeaders } from "../messages/message-headers.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Tally } from "../queue-totals.ts";

/** One life of a queue in a store. */
export type QueueLife = QueueRef & { readonly epoch: number };

/** The part of a message that can change. */
export interface MovedState {
  marker: string;
  ttlSeconds: number;
  claimCount: number;
  /** The last claim on the message, live or expired. Null when there was none, or it was released. */
  claimId: string | null;
  /** Negative once that claim has expired. Null without a claim, and once its end is among the totals. */
  claimRemainingMs: number | null;
  remainingMs: number;
  /** Time until it may be claimed. Null when its delay is over. */
  delayMs: number | null;
  /** The client of the last claim that delivered it. */
  lastHolder: string | null;
  /**
   * Of a message that a claim holds, or has held, back as a dead letter: the last claim that delivered it, or the nil
   * UUID if that is unknown. Null for others.
   */
  lastDelivery: string | null;
}

export interface MovedMessage extends MovedState {
  id: string;
  bodyText: string;
  headers: MessageHeaders | null;
  deadLettered: DeadLettered | null;
  clientId: string | null;
  ageMs: number;
}

export interface MovedClaim {
  id: string;
  clientId: string | null;
  actor: string | null;
  ttlSeconds: number;
  graceSeconds: number;
  /** Markers of the messages that it took, ascending. Some of these messages may be deleted by now. */
  markers: string[];
  ageMs: number;
  sinceRenewalMs: number;
  remainingMs: number;
}

/** An idempotency key and what its first request returned. */
export interface MovedKey {
  key: string;
  /**
   * SHA-256, in hex, of the request as JSON. All drivers use the same JSON: ["post", messages, clientId],
   * ["claim", limit, ttlSeconds, graceSeconds, clientId], ["purge"], ["purge", before],
   * ["subscribe", subscriber, ttlSeconds, optionsText], ["transfer", from, to] or ["adopt", from]. That of a pop,
   * ["pop", limit], is behind POP_PREFIX. The last two are kept in parts: see partKey.
   */
  request: string;
  /**
   * Ids of the messages posted or transferred, of the claim, or of the subscription, joined by commas. Of a pop and a purge: see
   * idempotency.ts.
   */
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

/** What a queue has besides messages, claims and keys. Read while the queue is frozen. */
export interface MovedRest {
  /** Messages at or below this marker are purged. */
  lowWater: string;
  /** No marker that the source ever gave is above this one. */
  highestMarker: string;
  /** The totals go on in the target, but for what other processes had not written yet when the queue was frozen. */
  tally: Tally;
  /** Number of live claims. */
  claims: number;
  /** For how long the queue keeps the lives of its messages: see MessageLives. 0: not at all. What it kept stays behind. */
  lifeSeconds: number;
  subscriptions: MovedSubscription[];
}

export interface QueueTransfer {
  // ---------------------------------------------------------------------------------------------- the source

  /**
   * Starts to note which messages change, while clients use the queue. Replaces an earlier attempt: its freeze ends and
   * its notes are deleted. DEADLINE_EXCEEDED when the store is too busy.
   */
  begin(params: { queue: QueueLife; moveEpoch: number }): Promise<void>;
  /**
   * The next messages after the marker `after`, in order: at most `limit` and a few MB. Purged and expired ones are
   * left out. Empty when there are no more.
   */
  readMessages(params: { queue: QueueLife; moveEpoch: number; after: string; limit: number }): Promise<MovedMessage[]>;
  /**
   * Takes about `limit` notes and returns the present state of their messages. `gone` has the markers of those that
   * no longer exist. `more` is true when there may be further notes. A message that changes again is noted again. Both
   * lists may name messages that `readMessages` has not returned yet.
   */
  takeChanges(params: {
    queue: QueueLife;
    moveEpoch: number;
    limit: number;
  }): Promise<{ changed: MovedState[]; gone: string[]; more: boolean }>;
  /**
   * The next idempotency keys, at most `limit` and a few MB, in an order that the store chooses. `seen` is null at
   * first, then that of the answer before: what it has seen is left out. A page without keys ends a round, and the next
   * one has those that were used since. A key that is used meanwhile may come twice.
   */
  readKeys(params: {
    queue: QueueLife;
    moveEpoch: number;
    seen: string | null;
    limit: number;
  }): Promise<{ keys: MovedKey[]; seen: string }>;
  /**
   * Freezes the queue. Once this resolves, nothing of the queue changes until `thaw` or `leave`, not even through a
   * call that began earlier. Every call for the queue or its subscriptions fails with QUEUE_IS_MOVING.
   * DEADLINE_EXCEEDED when earlier calls do not end within `deadlineMs`; the queue is not frozen then.
   */
  freeze(params: { queue: QueueLife; moveEpoch: number; deadlineMs: number }): Promise<void>;
  /**
   * The next live claims after the id `after` (at first ""), or the live ones among `ids`. A claim that is created,
   * renewed or shortened later changes its messages, so `takeChanges` tells of it.
   */
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
  /**
   * Ends the queue's life here, with its subscriptions; gc frees it. Only after the catalogue names the target.
   * Repeating it changes nothing.
   */
  leave(params: { queue: QueueLife }): Promise<void>;

  // ---------------------------------------------------------------------------------------------- the target

  /**
   * Makes a place for the copy, which no other call can see, and deletes those of earlier attempts.
   * QUEUE_EPOCH_STALE when the queue already has this or a later epoch here.
   */
  prepare(params: { queue: QueueLife }): Promise<void>;
  /**
   * Inserts `messages`, updates those in `changed` that are there, deletes those in `gone`. Returns by how many
   * messages the copy grew; negative when it shrank. Repeating it changes nothing.
   */
  writeMessages(params: {
    queue: QueueLife;
    messages: readonly MovedMessage[];
    changed: readonly MovedState[];
    gone: readonly string[];
  }): Promise<number>;
  /**
   * Inserts or updates claims. Call it after `writeMessages` for the messages that they hold, and again whenever one
   * of these messages is written later. A claim that holds none of its messages any more ends.
   */
  writeClaims(params: { queue: QueueLife; claims: readonly MovedClaim[] }): Promise<void>;
  writeKeys(params: { queue: QueueLife; keys: readonly MovedKey[] }): Promise<void>;
  /**
   * Opens the copy for use, with the rest. Every marker given here from now on is above `highestMarker`. `messages`:
   * how many the copy has.
   */
  open(params: { queue: QueueLife; rest: MovedRest; messages: number }): Promise<void>;
  /**
   * Deletes what this attempt and every earlier one wrote, opened or not. Silent when there is nothing.
   * Hazard: call it only when the source still holds the queue, or the queue was deleted. A catalogue that names the
   * source is no proof: a control database that failed over can have lost the switch.
   */
  abandon(params: { queue: QueueLife }): Promise<void>;

  // --------------------------------------------------------------------------------------------- either side

  /** The epoch of the life that the queue has in this store, frozen or not. Null when it has none. */
  openEpoch(params: { queue: QueueRef }): Promise<number | null>;
}
