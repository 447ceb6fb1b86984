/** Moves a queue from one store to another while clients use it. States the order of the steps, for any two drivers. */
import { setTimeout as pause } from "node:timers/promises";
import { DomainError, hasCode } from "../../errors.ts";
import type { DataDriver } from "../data-driver.ts";
import { addPoolName } from "../errors/add-pool-name.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { MovedState, QueueLife, QueueTransfer } from "./queue-transfer.ts";

/** Messages, changes, claims or keys that one call carries. */
const BATCH = 1000;
/** The queue is frozen once a round carries no more than this: a fraction of a second's work. */
const FEW = 500;
/** The result of a key weighs as much as a message for each of so many characters: kept answers may be large. */
const KEY_WEIGHT = 2048;
/** After so many rounds the queue is frozen even if it changes faster than it is copied. The pause is longer then. */
const MAX_ROUNDS = 30;
/**
 * How long a freeze waits for statements that began before it. Then the queue goes on, and is frozen a little later.
 */
const BARRIER_MS = 400;
const FREEZE_ATTEMPTS = 20;
const FREEZE_PAUSE_MS = 500;

export interface MoveReport {
  /** Messages that were moved. */
  messages: number;
  /** Live claims that were moved. */
  claims: number;
  /** How long nobody could use the queue: from the freeze until the catalogue named the target. */
  pauseMs: number;
  durationSeconds: number;
}

/** One of the two pools of a move. `pool` is its name, which its errors get. */
export interface MovePool {
  pool: string;
  driver: DataDriver;
}

export interface MoveParams {
  source: MovePool;
  target: MovePool;
  project: string;
  name: string;
  /** The queue's epoch in the source. */
  sourceEpoch: number;
  /** The epoch that the queue gets in the target. It also identifies this attempt in both pools (its fence). */
  epoch: number;
  /** False for a deleted queue that has only subscriptions left. It is not opened for messages in the target. */
  exists: boolean;
  /** Called before each attempt to freeze the queue. From then on nobody can use it, until `commit` or an undo. */
  beforeFreeze?: () => Promise<void>;
  /** Called when an attempt to freeze failed: the queue is used in the source again. */
  afterFailedFreeze?: () => void;
  /** Maps the queue to the target in the catalogue. Throws when the queue or its entry changed meanwhile. */
  commit: () => Promise<void>;
  /** Called between batches with the number of messages carried so far. Throws to give the move up. */
  checkpoint?: (messages: number) => void | Promise<void>;
}

/**
 * Moves one queue:
 *
 * 1. copies it to the target while clients use it in the source;
 * 2. copies what changed meanwhile, round by round, until little is left;
 * 3. freezes it in the source and copies the rest;
 * 4. opens it in the target, then calls `commit`.
 *
 * The caller cleans up. An attempt that fails or crashes before the commit is undone with `thawSource` and
 * `abandonTarget`; after the commit it is finished with `finishMove`. Each of these may be repeated.
 */
export async function moveQueue(params: MoveParams): Promise<MoveReport> {
  const { beforeFreeze = async () => undefined, afterFailedFreeze = () => undefined } = params;
  const started = performance.now();
  const copy = new QueueCopy(params);
  await copy.begin();
  await copy.keepUp();
  const frozen = await freeze(copy, { beforeFreeze, afterFailedFreeze });
  const claims = await copy.openTarget();
  await params.commit();
  const ended = performance.now();
  return { messages: copy.messages, claims, pauseMs: ended - frozen, durationSeconds: (ended - started) / 1000 };
}

/**
 * Freezes the queue; returns when, as performance.now() counts. DEADLINE_EXCEEDED when every attempt met a long
 * statement.
 */
async function freeze(
  copy: QueueCopy,
  steps: Required<Pick<MoveParams, "beforeFreeze" | "afterFailedFreeze">>,
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    await steps.beforeFreeze();
    const frozen = performance.now();
    try {
      await copy.freezeSource();
      return frozen;
    } catch (error) {
      if (attempt === FREEZE_ATTEMPTS || !hasCode(error, "DEADLINE_EXCEEDED")) throw error;
    }
    steps.afterFailedFreeze();
    await pause(FREEZE_PAUSE_MS);
    await copy.keepUp();
  }
}

/** The copy of one queue that grows in the target: what has been carried, and what is to be carried again. */
class QueueCopy {
  /** Messages in the target. */
  messages = 0;
  readonly #params: MoveParams;
  readonly #source: CallPool;
  readonly #target: CallPool;
  /** What each call of the source begins with. */
  readonly #from: { queue: QueueLife; moveEpoch: number };
  /** What each call of the target begins with. */
  readonly #to: { queue: QueueLife };
  /** The marker of the last message that was read. */
  #after = "0";
  #claimsCarried = false;
  /** Claims whose messages came or changed after the claims were carried. They are carried once more. */
  readonly #changedClaims = new Set<string>();
  /** What has been read of the keys: see QueueTransfer.readKeys. */
  #keysSeen: string | null = null;

  constructor(params: MoveParams) {
    const { project, name, sourceEpoch, epoch } = params;
    this.#params = params;
    this.#source = callsTo(params.source);
    this.#target = callsTo(params.target);
    this.#from = { queue: { project, name, epoch: sourceEpoch }, moveEpoch: epoch };
    this.#to = { queue: { project, name, epoch } };
  }

  /** Carries everything once, while clients use the queue. */
  async begin(): Promise<void> {
    await this.#source((transfer) => transfer.begin(this.#from));
    await this.#target((transfer) => transfer.prepare(this.#to));
    await this.#carryKeys();
    await this.#carryNewMessages();
    await this.#carryAllClaims();
  }

  /** Carries what changed, round by round, until a round carries little. */
  async keepUp(): Promise<void> {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const before = this.messages;
      const changes = await this.#carryChanges();
      await this.#carryNewMessages();
      const keys = await this.#carryKeys();
      await this.#checkpoint();
      if (changes + Math.abs(this.messages - before) + keys <= FEW) return;
    }
  }

  async freezeSource(): Promise<void> {
    await this.#source((transfer) => transfer.freeze({ ...this.#from, deadlineMs: BARRIER_MS }));
  }

  /** Carries the rest from the frozen source and opens the queue in the target. Returns how many live claims it has. */
  async openTarget(): Promise<number> {
    await this.#carryNewMessages();
    await this.#carryChanges();
    await this.#carryKeys();
    const rest = await this.#source((transfer) => transfer.readRest(this.#from));
    await this.#target((transfer) => transfer.open({ ...this.#to, rest, messages: this.messages }));
    if (!this.#params.exists) {
      // A deleted queue is not used; its subscriptions wait for it to be created again.
      const { driver, pool } = this.#params.target;
      await driver.detachQueue(this.#to.queue).catch(addPoolName(pool));
    }
    return rest.claims;
  }

  async #checkpoint(): Promise<void> {
    await this.#params.checkpoint?.(this.messages);
  }

  async #carryNewMessages(): Promise<void> {
    for (;;) {
      const messages = await this.#source((transfer) =>
        transfer.readMessages({ ...this.#from, after: this.#after, limit: BATCH }),
      );
      const last = messages.at(-1);
      if (last === undefined) return;
      this.messages += await this.#target((transfer) =>
        transfer.writeMessages({ ...this.#to, messages, changed: [], gone: [] }),
      );
      if (this.#claimsCarried) this.#noteClaims(messages);
      this.#after = last.marker;
      await this.#checkpoint();
    }
  }

  /** Carries what changed of the messages that were read, and their claims. Returns how many changes there were. */
  async #carryChanges(): Promise<number> {
    let changes = 0;
    for (let more = true; more; ) {
      const taken = await this.#source((transfer) => transfer.takeChanges({ ...this.#from, limit: BATCH }));
      const { changed, gone } = taken;
      changes += changed.length + gone.length;
      this.messages += await this.#target((transfer) =>
        transfer.writeMessages({ ...this.#to, messages: [], changed, gone }),
      );
      this.#noteClaims(changed);
      more = taken.more;
    }
    const ids = [...this.#changedClaims];
    this.#changedClaims.clear();
    for (let first = 0; first < ids.length; first += BATCH) {
      const some = ids.slice(first, first + BATCH);
      const claims = await this.#source((transfer) => transfer.readClaims({ ...this.#from, ids: some }));
      if (claims.length > 0) await this.#target((transfer) => transfer.writeClaims({ ...this.#to, claims }));
    }
    return changes;
  }

  #noteClaims(states: readonly MovedState[]): void {
    for (const { claimId, claimRemainingMs } of states) {
      if (claimId !== null && (claimRemainingMs ?? 0) > 0) this.#changedClaims.add(claimId);
    }
  }

  async #carryAllClaims(): Promise<void> {
    this.#claimsCarried = true;
    for (let after = ""; ; ) {
      const claims = await this.#source((transfer) => transfer.readClaims({ ...this.#from, after, limit: BATCH }));
      const last = claims.at(-1);
      if (last === undefined) return;
      await this.#target((transfer) => transfer.writeClaims({ ...this.#to, claims }));
      await this.#checkpoint();
      after = last.id;
    }
  }

  /** Carries the keys that were used since the last call. Returns what they weigh. */
  async #carryKeys(): Promise<number> {
    for (let weight = 0; ; ) {
      const { keys, seen } = await this.#source((transfer) =>
        transfer.readKeys({ ...this.#from, seen: this.#keysSeen, limit: BATCH }),
      );
      this.#keysSeen = seen;
      if (keys.length === 0) return weight;
      await this.#target((transfer) => transfer.writeKeys({ ...this.#to, keys }));
      for (const { result } of keys) weight += Math.ceil(result.length / KEY_WEIGHT);
      await this.#checkpoint();
    }
  }
}

type Attempt = Pick<MoveParams, "source" | "target" | "project" | "name" | "sourceEpoch" | "epoch">;

/**
 * First step of undoing an attempt: the queue can be used in the source again. The target is not needed for it.
 * Returns false when the source no longer holds the queue. Then the target may hold the only copy: ask `openEpochIn`
 * before `abandonTarget`.
 */
export async function thawSource(params: Omit<Attempt, "target">): Promise<boolean> {
  const { project, name, sourceEpoch, epoch } = params;
  const queue = { project, name, epoch: sourceEpoch };
  return callsTo(params.source)((transfer) => transfer.thaw({ queue, moveEpoch: epoch }));
}

/**
 * Second step: deletes what this attempt and earlier ones wrote to the target. See the hazard at QueueTransfer.abandon.
 */
export async function abandonTarget(params: Pick<Attempt, "target" | "project" | "name" | "epoch">): Promise<void> {
  const { project, name, epoch } = params;
  await callsTo(params.target)((transfer) => transfer.abandon({ queue: { project, name, epoch } }));
}

/** The epoch with which one of the two pools holds the queue; null when it does not. */
export async function openEpochIn(pool: MovePool, { project, name }: QueueRef): Promise<number | null> {
  return callsTo(pool)((transfer) => transfer.openEpoch({ queue: { project, name } }));
}

/** Finishes an attempt that the catalogue knows of: the source gives the queue up. */
export async function finishMove(params: Pick<Attempt, "source" | "project" | "name" | "sourceEpoch">): Promise<void> {
  const { project, name, sourceEpoch } = params;
  await callsTo(params.source)((transfer) => transfer.leave({ queue: { project, name, epoch: sourceEpoch } }));
}

type CallPool = <T>(call: (transfer: QueueTransfer) => Promise<T>) => Promise<T>;

/** Calls one pool's QueueTransfer; its errors get the pool's name. NOT_SUPPORTED when the pool cannot move queues. */
function callsTo({ pool, driver }: MovePool): CallPool {
  const { transfer } = driver;
  if (transfer === null) throw new DomainError("NOT_SUPPORTED", "The queues of this kind of pool cannot be moved.");
  return (call) => call(transfer).catch(addPoolName(pool));
}
