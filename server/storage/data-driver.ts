/**
 * The data plane's seam: what a pool can do with messages, claims and subscriptions.
 *
 * A driver checks types, never limits (operations do). Every duration is in whole seconds and travels as a
 * duration; the store's own clock decides all expiry. Expired means invisible at once. All calls may run
 * concurrently, and a crash at any point leaves either the whole effect of a call or none of it, unless the
 * call says otherwise. A store that cannot be reached is STORAGE_UNAVAILABLE; a write whose connection broke
 * after it was sent is OUTCOME_UNKNOWN; neither says that nothing happened.
 */

import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "./list-pages.ts";
import type { QueueRef } from "./queue-ref.ts";
import type { QueueTransfer } from "./queue-transfer.ts";
import type { WriteRefusal } from "./read-only-storage.ts";
import type { SubscriptionController } from "./subscription-controller.ts";

/** What a storage can do, in Zaqar's words. AOD = at least once delivery. */
export const CAPABILITIES = ["FIFO", "CLAIMS", "DURABILITY", "AOD", "HIGH_THROUGHPUT"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** What a driver knows of its store, read when it opened; a driver that finds another store there later takes that one's identity on. */
export interface StoreFacts {
  /**
   * Which store it is. Kept in the store and drawn at random when it is first opened, by one of all who do that at once; so every driver of the same server and
   * namespace shows the same one, whatever the URI that led there. A copy of a store has its identity too.
   */
  readonly identity: string;
  readonly capabilities: ReadonlySet<Capability>;
}

/** A store that was only looked at. `identity` null: nobody has opened it yet. */
export interface FoundStore {
  readonly identity: string | null;
  readonly capabilities: ReadonlySet<Capability>;
}

export interface DataDriver extends StoreFacts {
  readonly messages: MessageController;
  readonly claims: ClaimController;
  readonly subscriptions: SubscriptionController;
  /** Null: its queues cannot be moved to another store, nor to this one. */
  readonly transfer: QueueTransfer | null;

  /**
   * Makes the store's row for a queue, with this epoch. Attaching the same epoch again changes nothing; a higher
   * epoch begins a new, empty life of the queue; a lower one is QUEUE_EPOCH_STALE. QUEUE_IS_MOVING while nothing may change.
   */
  attachQueue(queue: QueueRef & { epoch: number }): Promise<void>;
  /** Ends the queue's life here: its messages and claims are invisible at once, and gc frees them later. O(1). Silent when there is none. Subscriptions stay. */
  detachQueue(queue: QueueRef): Promise<void>;

  /**
   * Calls `listener` when messages became ready in a queue (posted, released or moved there): by this process at once,
   * by others of the same store within milliseconds. Now and then for nothing; and a notice may be lost, and none comes
   * for what lapses or falls due, so whoever waits also looks by himself. Gives the function that ends it.
   */
  watchArrivals(listener: ArrivalListener): () => void;

  /**
   * Of a storage of several servers, a name for the one that has this queue now: queues of the same name fail together, others do not. Asked while
   * something fails. Left out where the storage is up or down as a whole.
   */
  partOf?(queue: QueueRef): string;
  /**
   * When gc last found the store without what it had held, though it is the same one: a server that keeps nothing on disk and was started again. One of the
   * processes that use the store finds it. Left out where that has not been seen, or cannot come.
   */
  readonly lostAt?: Date;

  /** Is the storage ready? Never throws; answers within its own deadline. */
  isAlive(): Promise<boolean>;
  /** Really does each operation once on a hidden queue, and times it. Never throws: a failed operation says so. */
  health(): Promise<DriverHealth>;
  /** Frees what is expired, purged or detached, in small batches. Safe to run anywhere at any time; several at once share the work or leave it to one. */
  gc(): Promise<GcResult>;
  /** Waits for calls in flight, then closes connections. Twice is once. */
  close(): Promise<void>;
}

/** `count`: how many messages arrived, about. Must not throw. */
export type ArrivalListener = (queue: QueueRef, count: number) => void;

/**
 * A data driver that routes each queue to its pool by the catalogue. Callers of the data plane need not know that it is
 * one; the control plane does. A queue that exists and is not in the catalogue is QUEUE_NOT_MAPPED. `stats` gives null
 * for it, and for the queues of a pool that fails, unless all fail.
 */
export interface PooledDataDriver extends DataDriver {
  /**
   * Draws the pool for a new queue in proportion to weight, among the flavor's pools or, with null, those without a flavor;
   * the built-in pool "default" only when a queue without a flavor finds no registered pool that takes queues. Weight 0 is never drawn. NO_POOL_FOUND.
   * A pool that this process knows to be away, or a part of it, is drawn only when all that have a weight are; nothing is asked for it, so one that just
   * went away may be drawn, and one that nobody found away within the minute counts as there. `dice` gives numbers as Math.random does.
   */
  choosePool(flavor: string | null, random?: () => number): Promise<string>;
  /**
   * What a call to the driver that `pool` gave says of its storage: is it there, and does it take writes? For
   * `choosePool`.
   */
  noteReachable(name: string, reachable: boolean): void;
  /** The driver of one pool, opened at its first use. POOL_DOES_NOT_EXIST, STORAGE_UNAVAILABLE. */
  pool(name: string): Promise<DataDriver>;
  /** BAD_INPUT for what is no URI of a store that can be a pool. Connects nowhere. */
  checkUri(uri: string): void;
  /**
   * Connects to a URI within a short time-out and says what the store is and can do, and that a pool can be made there.
   * Leaves nothing in it. BAD_INPUT, POOL_NOT_REACHABLE.
   */
  inspect(uri: string): Promise<FoundStore>;
  /** Like `inspect`, and makes the store's tables and identity if they are missing. Twice is once. */
  prepare(uri: string): Promise<StoreFacts>;
  /** Drops what this process remembers of a queue's place; other processes forget within a second. */
  forgetQueue(queue: QueueRef): Promise<void>;
  /** Closes the pool's driver once its calls in flight have ended; the next use opens it anew. */
  forgetPool(name: string): Promise<void>;
}

/** The pool that the control database itself is: cannot be deleted, and takes a queue only when no registered pool fits. */
export const DEFAULT_POOL = "default";

export interface DriverHealth {
  storageReachable: boolean;
  /** Why it takes no writes now, though it is there; else null. */
  writesRefused: WriteRefusal | null;
  /** What it can still take, where the storage tells. */
  freeBytes: number | null;
  operations: OperationHealth[];
}

/** `error` is a DomainError's message, never driver text, and `errorCode` its code. */
export interface OperationHealth {
  operation:
    | "create_queue"
    | "reserve_space"
    | "post_messages"
    | "list_messages"
    | "claim_messages"
    | "delete_messages"
    | "delete_claim"
    | "bulk_delete_messages"
    | "delete_queue";
  succeeded: boolean;
  seconds: number;
  error: string | null;
  errorCode: ErrorCode | null;
}

export interface GcResult {
  messages: number;
  claims: number;
  subscriptions: number;
  queues: number;
}

// ---------------------------------------------------------------------------------------------- messages

export interface NewMessage {
  /** Exact JSON text of the body. Not parsed by drivers. */
  bodyText: string;
  ttlSeconds: number;
  /** 0 = at once. */
  delaySeconds: number;
}

export interface Message {
  /** A UUID. Kept when the message moves to another queue or pool. */
  id: string;
  /** Its place in the queue: decimal digits, growing in the order of commit. Never used twice in one store. */
  marker: string;
  bodyText: string;
  /** As posted, or claim ttl + grace of a claim that extended it. */
  ttlSeconds: number;
  /** Since it was posted (or moved here). */
  ageSeconds: number;
  createdAt: Date;
  expiresAt: Date;
  /** Null when it may be claimed already. */
  delayedUntil: Date | null;
  clientId: string | null;
  /** How often it was claimed in this queue. */
  claimCount: number;
  /** The claim that holds it now; null when none does. */
  claim: { id: string; expiresAt: Date } | null;
  /** The last claim on it even if that has lapsed (not after a release): Zaqar's href shows it. */
  lastClaimId: string | null;
}

/** How many messages are in which state (see MessageState): ready + claimed + delayed + exhausted = total. */
export interface QueueStats {
  ready: number;
  claimed: number;
  delayed: number;
  exhausted: number;
  total: number;
  /**
   * False when more than 10,000 messages are there: then the numbers come from counters, and `exhausted` is a lower
   * bound, counted among the 10,000 oldest. What it misses counts as ready.
   */
  exact: boolean;
  oldest: MessageStamp | null;
  newest: MessageStamp | null;
}

/** A queue whose messages are to be counted. */
export interface CountedQueue extends QueueRef {
  /** See MessageState. */
  readonly exhaustedFrom?: number | null;
}

export interface MessageStamp {
  id: string;
  ageSeconds: number;
  createdAt: Date;
}

/** "absent": no such message, which deletes treat as done. */
export type DeleteOutcome = "deleted" | "absent";

/**
 * Bytes of bodies, in UTF-8, that one call gives at most, and one statement or script of a driver carries. A call with
 * `maxBytes` gives at most that. It ends in front of the message that would pass the bound, but gives at least one
 * where there is one: no body is larger than a post may be.
 */
export const MAX_CARRIED_BYTES = 16 * 1_048_576;

/** The bound of a call that was asked for `maxBytes`, or not. */
export const carriedBytes = (maxBytes: number | undefined) =>
  Math.min(maxBytes ?? MAX_CARRIED_BYTES, MAX_CARRIED_BYTES);

export interface MessageController {
  /**
   * Appends messages, all or none, and gives their ids in the order given. They stand next to one another in the
   * queue's order, and a reader that pages by marker misses none of them, whoever posts at the same time.
   * With an idempotencyKey a repeat within a day gives the first call's ids and adds nothing; the same key with other messages is IDEMPOTENCY_KEY_REUSED.
   */
  post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }>;

  /**
   * Oldest first. Only ready ones, unless those in other states are asked for too; never those of `exceptClientId`. A
   * full page comes whatever the filters drop, unless its bytes end it early: then its marker goes on, in both
   * directions.
   */
  list(params: {
    queue: QueueRef;
    page: PageRequest;
    maxBytes?: number;
    exceptClientId?: string;
    includeClaimed?: boolean;
    includeDelayed?: boolean;
    includeExhausted?: boolean;
    exhaustedFrom?: number | null;
  }): Promise<Page<Message>>;

  /** In any state. MESSAGE_DOES_NOT_EXIST; an id that makes no sense does not exist. */
  get(params: { queue: QueueRef; id: string }): Promise<Message>;

  /**
   * Those that exist, in the order asked, each once. May end early, by bytes: so whoever wants all asks again for the
   * ids behind the last that came, until none comes.
   */
  bulkGet(params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number }): Promise<Message[]>;

  /** The oldest (1) or newest (-1), in any state. QUEUE_IS_EMPTY. */
  first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message>;

  /**
   * Takes the oldest ready messages away for good, in order: at most `limit`, or fewer by bytes. None only when there
   * are none, but for what another process, which has not met the queue's large bodies yet, takes aside for a moment.
   */
  pop(params: { queue: QueueRef; limit: number; maxBytes?: number; exhaustedFrom?: number | null }): Promise<Message[]>;

  /**
   * Without a claim: MESSAGE_IS_CLAIMED when it is claimed. With one: MESSAGE_NOT_CLAIMED when no claim holds it,
   * MESSAGE_NOT_CLAIMED_BY when another live claim holds it, CLAIM_DOES_NOT_EXIST when this claim is not live and
   * another holds it, and always for what is no claim's id at all. Checked and done in one step: an expired claim's id
   * deletes nothing.
   */
  delete(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome>;

  /**
   * Deletes those that exist, claimed ones too, and says how many. With `spareClaimed`, one that a live claim holds
   * makes it MESSAGE_IS_CLAIMED, whose details name such messages (`messageIds`, at most 100). With `claimIds`, only
   * the messages that one of these live claims holds: any other existing one makes it MESSAGE_NOT_CLAIMED_BY. Refused,
   * it deletes nothing. Checked and done in one step.
   */
  bulkDelete(params: {
    queue: QueueRef;
    ids: readonly string[];
    claimIds?: readonly string[];
    /** Counts without `claimIds` only. */
    spareClaimed?: boolean;
  }): Promise<number>;

  /** Makes every message that is in the queue now invisible, claimed ones too, at once and in O(1). gc frees them later. Claims on them end. */
  purge(params: { queue: QueueRef; idempotencyKey?: string }): Promise<void>;

  /** Of many queues in one call, in the order asked; null where the store has no such queue. Never scans a long queue. */
  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]>;

  /**
   * Moves messages held by a live claim to the end of another queue of this store, with their ids, their claim
   * ended and their count 0. `ttlSeconds` gives them a new life of that length; null keeps when they expire.
   * Gives how many moved. Those not held by the claim stay. One step in one store; between pools: copied, then deleted
   * (a crash between leaves both until the claim lapses and the next move, which does not copy again).
   */
  transfer(params: {
    from: QueueRef;
    to: QueueRef;
    ids: readonly string[];
    claimId: string;
    ttlSeconds: number | null;
  }): Promise<number>;

  /** Appends copies of messages from another store under their own ids; one that is there already is left as it is. The other half of transfer. */
  adopt(params: { queue: QueueRef; messages: readonly Message[]; ttlSeconds: number | null }): Promise<void>;
}

// ------------------------------------------------------------------------------------------------ claims

export interface Claim {
  id: string;
  ttlSeconds: number;
  graceSeconds: number;
  /** Since it was made or last renewed. */
  ageSeconds: number;
  createdAt: Date;
  renewedAt: Date;
  expiresAt: Date;
  clientId: string | null;
  /** Who made it, as access control names them. */
  actor: string | null;
  /** How many messages it still holds. */
  messageCount: number;
}

/** A claim lives until it is released or expires, and only as long as it holds a message: with its last one it ends. */
export interface ClaimController {
  /**
   * Takes the oldest ready messages, at most `limit` or fewer by bytes (dead letters count), and holds them for
   * `ttlSeconds`. Claims that are made together may share `maxBytes`, and then each takes at least one. A message that
   * would expire before the claim lives until the claim's end + grace. Two callers never get the same message while a
   * claim is live. Nothing to claim: `claim` is null and nothing is made; as with `pop`, another process may take aside
   * for a moment more than it takes. Where thousands of held or delayed messages
   * stand in front of the first ready one, what becomes ready among them may be passed over for up to ten seconds, as
   * long as there are others to take; with fewer it never is.
   *
   * `deadLettersFrom`: a ready message claimed that often already is not delivered, but held by the same claim and
   * given among `deadLetters`, to be moved with `messages.transfer` (`claim` may then be null while its id is
   * `claimId`). Callers give this where there is a place to move them to, and `exhaustedFrom` where there is none. With
   * an idempotencyKey a repeat while the claim is live gives the same claim and the messages it still holds; with
   * a smaller `maxBytes` only the first of them, and `get` the rest.
   */
  create(params: {
    queue: QueueRef;
    limit: number;
    maxBytes?: number;
    ttlSeconds: number;
    graceSeconds: number;
    clientId: string | null;
    actor?: string | null;
    exhaustedFrom?: number | null;
    deadLettersFrom?: number | null;
    idempotencyKey?: string;
  }): Promise<{ claimId: string; claim: Claim | null; messages: Message[]; deadLetters: Message[] }>;

  /**
   * With its messages in the order of their markers, those after the marker `after`; deleted ones are left out. They
   * may end early, by bytes: so whoever wants all goes on after the last, until none comes. CLAIM_DOES_NOT_EXIST when
   * it is released or expired, or its last message is gone.
   */
  get(params: {
    queue: QueueRef;
    id: string;
    after?: string;
    maxBytes?: number;
  }): Promise<{ claim: Claim; messages: Message[] }>;

  /** Live claims of the queue, oldest first; marker = claim id. */
  list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Claim>>;

  /** Restarts its clock: expiry = now + ttl; extends messages as create does. CLAIM_DOES_NOT_EXIST. */
  update(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim>;

  /** Frees its messages at once. Silent when there is none. */
  delete(params: { queue: QueueRef; id: string }): Promise<void>;
}
