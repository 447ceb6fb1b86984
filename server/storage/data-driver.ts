/**
 * The data plane's seam: what a pool does with messages, claims and subscriptions. Each kind of store has one driver.
 *
 * - Drivers check types. Limits and rights are checked by operations.
 * - Durations are whole seconds. The store's own clock decides what has expired; expired things are invisible at once.
 * - All calls may run at the same time. A crash leaves the whole effect of a call or none, unless the call says so.
 * - STORAGE_UNAVAILABLE: the store cannot be reached. OUTCOME_UNKNOWN: the connection broke after a write was sent.
 *   Neither proves that nothing happened.
 */

import type { ActivityReads } from "./activity.ts";
import type { BatchResult } from "./batch-result.ts";
import type { Claim, ClaimController } from "./claim-controller.ts";
import type { DriverHealth, GcResult } from "./driver-health.ts";
import type { Page, PageRequest } from "./list-pages.ts";
import type { Message } from "./messages/message.ts";
import type { MessageHeaders } from "./messages/message-headers.ts";
import type { KeptLives, MessageLives } from "./messages/message-life.ts";
import type { CountParams, MessageCount, Selection, SelectParams } from "./messages/message-select.ts";
import type { TransferKind } from "./messages/transfer-kind.ts";
import type { QueueTransfer } from "./moves/queue-transfer.ts";
import type { QueueRef } from "./queue-ref.ts";
import type { CountedQueue, QueueStats } from "./queue-stats.ts";
import type { Subscription, SubscriptionController } from "./subscription-controller.ts";
import type { QueueUndo } from "./undo/queue-undo.ts";

export type { Claim, ClaimController } from "./claim-controller.ts";
export type { Message } from "./messages/message.ts";

/** What a storage can do, in Zaqar's words. AOD = at least once delivery. */
export const CAPABILITIES = ["FIFO", "CLAIMS", "DURABILITY", "AOD", "HIGH_THROUGHPUT"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Read when the driver opens. A driver that later finds another store at its URI takes over that store's identity. */
export interface StoreFacts {
  /**
   * Which store this is: a random text, written into the store when it is first opened. Every driver of the same server
   * and namespace reads the same text, whatever its URI. Hazard: a copy of a store has the same identity.
   */
  readonly identity: string;
  readonly capabilities: ReadonlySet<Capability>;
}

/** A store that was only inspected. `identity` is null until a driver opens it for the first time. */
export interface FoundStore {
  readonly identity: string | null;
  readonly capabilities: ReadonlySet<Capability>;
}

export interface DataDriver extends StoreFacts {
  readonly messages: MessageController;
  readonly claims: ClaimController;
  readonly subscriptions: SubscriptionController;
  readonly batch: BatchReads;
  readonly activity: ActivityReads;
  readonly lives: MessageLives;
  /** Null when queues can be moved neither from nor to this store. */
  readonly transfer: QueueTransfer | null;
  /** Null when this store cannot bring back what was removed. */
  readonly undo: QueueUndo | null;

  /**
   * Creates the store's row for a queue, with this epoch. The same epoch again changes nothing. A higher epoch ends the
   * queue's life here and begins a new, empty one. A lower epoch is QUEUE_EPOCH_STALE, and so is that of a queue that
   * was moved away. QUEUE_IS_MOVING while the queue is frozen.
   */
  attachQueue(queue: QueueRef & { epoch: number }): Promise<void>;
  /**
   * Ends the queue's life here, in O(1): its messages and claims are invisible at once, and gc frees them later.
   * Subscriptions stay. Silent when there is no such queue. With `undoToken` it can be brought back: see QueueUndo.
   */
  detachQueue(queue: QueueRef, undoToken?: string | undefined): Promise<void>;

  /**
   * Calls `listener` when messages become ready in a queue because somebody posted, released or moved them. Through
   * this process it is called at once, through other processes of the same store within milliseconds.
   *
   * A call may come for nothing, and a notice may be lost. None comes for expired claims and delays that end. So a
   * caller that waits also looks from time to time. Returns the function that stops the calls.
   */
  watchArrivals(listener: ArrivalListener): () => void;

  /**
   * In a storage of several servers, a name for the one that holds this queue now. Queues with the same name fail
   * together. Asked only while something fails. Left out when the storage fails as a whole.
   */
  partOf?(queue: QueueRef): string;
  /**
   * When gc last found the same store empty of what it had held, as after the restart of a server that keeps nothing on
   * disk. One of the processes that use the store sees it. Left out when that was never seen, or cannot happen.
   */
  readonly lostAt?: Date;

  /** True when the storage answers. Never throws; has its own deadline. */
  isAlive(): Promise<boolean>;
  /** Does each operation once, on a hidden queue, and times it. Never throws: the report names what failed. */
  health(): Promise<DriverHealth>;
  /**
   * Garbage collection: frees what has expired or was purged or detached, in small batches. Safe at any time and in
   * many processes at once: they share the work or leave it to one.
   */
  gc(): Promise<GcResult>;
  /** Waits for calls in flight, then closes the connections. May be called twice. */
  close(): Promise<void>;
}

/** `count` is about how many messages arrived. Must not throw. */
export type ArrivalListener = (queue: QueueRef, count: number) => void;

/** The control database as a pool. It cannot be deleted, and takes a queue only when no registered pool fits. */
export const DEFAULT_POOL = "default";

// ---------------------------------------------------------------------------------------------- messages

export interface NewMessage {
  /** The body's exact JSON text. Drivers do not parse it. */
  bodyText: string;
  /** Left out or null: none. */
  headers?: MessageHeaders | null;
  ttlSeconds: number;
  /** 0 = at once. */
  delaySeconds: number;
}

/** "absent": there was no such message, which counts as deleted. */
export type DeleteOutcome = "deleted" | "absent";

/**
 * The most bytes of messages (`messageBytes`: bodies and headers) that one call returns and one statement or script
 * carries. `maxBytes` lowers the bound of a call. A call ends before the message that would pass the bound, but returns
 * at least one message if there is any: none is larger than a post may be.
 */
export const MAX_CARRIED_BYTES = 16 * 1_048_576;

/** The bound of one call. */
export const carriedBytes = (maxBytes: number | undefined) =>
  Math.min(maxBytes ?? MAX_CARRIED_BYTES, MAX_CARRIED_BYTES);

/** The messages before this marker, or posted before this time. Neither is among them. */
export type PurgeBound = { readonly marker: string } | { readonly time: Date };

/** Messages for a transfer. */
interface Transferred {
  ids: readonly string[];
  /** The live claim that holds them. Null: those that no live claim holds. Others stay. */
  claimId: string | null;
  as: TransferKind;
}

/**
 * What a bulk delete without claims does with messages that a live claim holds: deletes them too; deletes nothing at
 * all; or deletes the others.
 */
export type ClaimedMessages = "delete" | "refuse" | "spare";

export interface MessageController {
  /**
   * Appends all messages or none, and returns their ids in the same order. They get adjacent positions in the queue. A
   * reader that pages by marker misses none of them, whoever posts at the same time.
   *
   * With an idempotencyKey, a repeat within a day returns the first call's ids and adds nothing. The same key with
   * other messages is IDEMPOTENCY_KEY_REUSED.
   */
  post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }>;

  /**
   * Lists messages, oldest first: ready ones, and those in the other states that are asked for. Leaves out messages of
   * `exceptClientId`. Pages are full whatever the filters drop. Only `maxBytes` ends one early; its marker then
   * continues, in both directions.
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

  /** In any state. MESSAGE_DOES_NOT_EXIST, also for a text that is no id. */
  get(params: { queue: QueueRef; id: string }): Promise<Message>;

  /**
   * The messages that exist, in the order of `ids`, each once. May end early, because of `maxBytes`. To get all, ask
   * again for the ids after the last one returned, until nothing is returned.
   */
  bulkGet(params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number }): Promise<Message[]>;

  /** The oldest (1) or newest (-1) message, in any state. QUEUE_IS_EMPTY. */
  first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message>;

  /**
   * Finds messages by what they are, in any state, a slice at a time: it ends at `limit`, at `maxBytes`, or when its
   * budget is used up, and the next call goes on where it ended. It tests state and age before it reads a body.
   *
   * A reader that follows the positions sees each message that stays in the queue once, as it is when its turn comes.
   * One that is posted meanwhile is found when its turn is still to come. A position is one of this queue, order and
   * filter; BAD_INPUT for a text that is none.
   */
  select(params: SelectParams): Promise<Selection>;

  /**
   * Counts the messages that `select` would find, oldest first, without reading bodies unless the filter has a part of
   * one. A slice at a time, like `select`: the next call goes on at `position`, and the counts are those of the slice.
   */
  count(params: CountParams): Promise<MessageCount>;

  /**
   * Deletes the oldest ready messages and returns them, in order: at most `limit`, or fewer because of `maxBytes`.
   * Returns none only when none is ready. Exception: another process can hold more than it returns for a moment, while
   * it does not know yet that the queue's bodies are large.
   *
   * With an idempotencyKey, a repeat within POP_KEY_SECONDS returns the same messages and deletes none. They are kept
   * in the step that deletes them, so at most MAX_KEPT_BYTES are taken. A pop that returned nothing keeps nothing.
   * IDEMPOTENCY_KEY_REUSED; TOO_LARGE when a repeat has less room than its messages need; TOO_MANY_REQUESTS while the
   * answers that are kept for the queue have MAX_KEPT_POPS_BYTES. A storage whose memory is full refuses pops with a
   * key, as everything that takes memory, but still returns what it keeps.
   */
  pop(params: {
    queue: QueueRef;
    limit: number;
    maxBytes?: number;
    exhaustedFrom?: number | null;
    idempotencyKey?: string;
  }): Promise<Message[]>;

  /**
   * Deletes a message. Checks and deletes in one step, so the id of an expired claim deletes nothing.
   *
   * | claimId   | the message is held by             | result                                              |
   * |-----------|------------------------------------|-----------------------------------------------------|
   * | none      | a live claim                       | MESSAGE_IS_CLAIMED                                  |
   * | given     | no claim                           | MESSAGE_NOT_CLAIMED                                 |
   * | live      | another live claim                 | MESSAGE_NOT_CLAIMED_BY                              |
   * | not live  | another live claim                 | CLAIM_DOES_NOT_EXIST                                |
   * | no id     | anything                           | CLAIM_DOES_NOT_EXIST                                |
   */
  delete(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome>;

  /**
   * Deletes those of the messages that exist, claimed ones too, and returns how many. Checks and deletes in one step;
   * when it is refused, it deletes nothing.
   *
   * - `claimed`: "refuse": MESSAGE_IS_CLAIMED when a live claim holds one of them; `details.messageIds` names up to
   *   100. "spare": these stay, and `left` names them all, in any order.
   * - `claimIds`: MESSAGE_NOT_CLAIMED_BY unless each existing message is held by one of these live claims.
   */
  bulkDelete(params: {
    queue: QueueRef;
    ids: readonly string[];
    claimIds?: readonly string[];
    /** "delete" when left out. Ignored when `claimIds` is given. */
    claimed?: ClaimedMessages;
    /** They can be brought back under this token: see QueueUndo. Not with `claimIds`. */
    undoToken?: string | undefined;
  }): Promise<{ deleted: number; left: string[] }>;

  /**
   * Removes the messages that are in the queue now, in every state; a claim that loses its last message ends. gc frees
   * them later. With `before`, only those before that bound. Returns how many, null when counting would take long.
   *
   * In O(1), but for `before` in a store that cannot hide the beginning of a queue. There the oldest go first, in
   * steps. An error between two steps has `partial` and the number of removed `messages` in its details, such as
   * DEADLINE_EXCEEDED when they are too many for one call. A repeat continues; with an idempotencyKey it returns the
   * number of all. A time is that of the message's `createdAt`, by the store's clock, which grows with the markers
   * unless that clock was set back.
   *
   * With an idempotencyKey, a repeat within a day removes no message that was posted since the first call.
   * IDEMPOTENCY_KEY_REUSED.
   *
   * With `undoToken` what it removed can be brought back until the next purge: see QueueUndo.
   */
  purge(params: {
    queue: QueueRef;
    before?: PurgeBound | undefined;
    idempotencyKey?: string | undefined;
    undoToken?: string | undefined;
  }): Promise<{ messages: number | null }>;

  /** Counts the messages of many queues, in the order given. Null for an unknown queue. Never scans a long queue. */
  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]>;

  /**
   * Moves messages to the end of another queue: those that the claim holds, or without one those that no live claim
   * holds, in any other state. The others stay. Returns the ids of those that moved, in any order.
   *
   * Each keeps its id, its headers and what is left of its delay; its claim ends and its claim count is 0 again.
   * `ttlSeconds` gives it a new life of that length; null keeps its expiry. As a dead letter it records where it came
   * from, in `deadLettered`; otherwise that stays as it is.
   *
   * One step within a store, as many as one call carries. Between two stores the messages are copied, then removed, and
   * a crash between the two leaves both. With a claim: until it expires; the next transfer finds the copies that are
   * still there, and only removes the originals. Without one they are held meanwhile, for HOLD_SECONDS.
   *
   * `idempotencyKey`, without a claim: a repeat with the same ids finishes what the first call began, and returns what
   * both moved. It copies nothing twice, whatever has become of the copies, while the target keeps the key. After
   * HOLD_SECONDS others may have claimed originals whose copies exist.
   */
  transfer(
    params: Transferred & { from: QueueRef; to: QueueRef; ttlSeconds: number | null; idempotencyKey?: string },
  ): Promise<string[]>;

  /**
   * The beginning of a transfer to another store: holds those of the messages that no live claim holds, for `seconds`,
   * so that nobody claims, pops or deletes them. That is no delivery and no claim of `claims`: neither the claim count
   * nor the last holder changes, and it extends no message's life. 0 seconds: lets go of those that `holdId` holds,
   * which then are as they were. Returns the ids of those that it holds now, or let go.
   */
  hold(params: { queue: QueueRef; ids: readonly string[]; holdId: string; seconds: number }): Promise<string[]>;

  /**
   * The second step: those of the messages that a live claim holds, as `adopt` takes
   * them. May end early because of bytes, as `bulkGet` does.
   */
  copy(params: Transferred & { claimId: string; queue: QueueRef }): Promise<Message[]>;

  /**
   * The third step: appends copies of another store's messages, with their ids. Existing ones stay, and count as
   * appended. `from` is the name of the queue that they come from. With an idempotencyKey it leaves out those that
   * earlier calls with this key have appended, wherever they are now, and returns the ids of these and of its own;
   * without one its own.
   *
   * Not its own are those whose original is held back here: it is on its way to where the copy comes from, and whoever
   * moves it will remove it. They stay there until that is done.
   */
  adopt(params: {
    queue: QueueRef;
    messages: readonly Message[];
    ttlSeconds: number | null;
    from: string;
    idempotencyKey?: string;
  }): Promise<string[]>;

  /**
   * The last step: removes the originals of what the target has by now, as far as nobody has claimed them since
   * `claimId`, whether that has ended or not. So they do not come back either when they were purged or deleted meanwhile
   * and that is taken back. Returns the ids of those that others have claimed, which stay.
   */
  removeCopied(params: Transferred & { claimId: string; queue: QueueRef }): Promise<string[]>;
}

// ----------------------------------------------------------------------------------------------- batches

/** The bounds in bytes of a batch that reads bodies. */
export interface BatchBytes {
  /** The most bytes of bodies that the batch returns; at most MAX_CARRIED_BYTES. */
  maxBytes: number;
  /** The `maxBytes` of each read. */
  pageBytes: number;
}

/**
 * Reads of many queues at once, each like the read of one queue that has its name. One statement for all, or one
 * pipeline of scripts for each server. Results are in the order of the requests. A request that fails spoils no other.
 *
 * Null stands for a read that was left out because `maxBytes` has no room for it; nothing was read of it then. Ask for
 * it again, in another batch or alone: alone it returns at least one message.
 */
export interface BatchReads {
  /** `messages.list` of each queue. */
  messages(
    params: Omit<Parameters<MessageController["list"]>[0], "queue" | "exhaustedFrom" | "maxBytes"> &
      BatchBytes & { queues: readonly CountedQueue[] },
  ): Promise<(BatchResult<Page<Message>> | null)[]>;
  /** `messages.bulkGet` of the same ids in each queue. */
  messagesById(
    params: BatchBytes & { queues: readonly QueueRef[]; ids: readonly string[] },
  ): Promise<(BatchResult<Message[]> | null)[]>;
  /** `claims.list` of each queue. */
  claims(params: { queues: readonly QueueRef[]; page: PageRequest }): Promise<BatchResult<Page<Claim>>[]>;
  /** `claims.get` of each claim. The claims may be of one queue or of many. */
  claimsById(
    params: BatchBytes & { claims: readonly QueueClaim[]; after?: string },
  ): Promise<(BatchResult<{ claim: Claim; messages: Message[] }> | null)[]>;
  /** `subscriptions.list` of each queue. */
  subscriptions(params: { queues: readonly QueueRef[]; page: PageRequest }): Promise<BatchResult<Page<Subscription>>[]>;
  /** `lives.read` of each queue, of the messages with these ids. */
  lives(params: {
    queues: readonly (QueueRef & { readonly ids: readonly string[] })[];
  }): Promise<BatchResult<KeptLives | null>[]>;
}

/** A claim, and the queue that it is in. */
export interface QueueClaim extends QueueRef {
  readonly claimId: string;
}
