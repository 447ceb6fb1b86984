/** Rows of the table pool_queues: one per queue that the pool holds, with its epoch and low-water marker. */
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../entry-limit.ts";
import { isMoving, queueDoesNotExist, staleEpoch } from "../errors/storage-errors.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import { translatePostgresError } from "./sql/connection.ts";
import { NOW } from "./sql/fragments.ts";
import { int8, orNull, text, uuid } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";
import { inTransaction, type Transaction } from "./sql/transaction.ts";

/** A queue's row in this pool. Every statement finds the queue's messages by it. */
export interface QueueRow {
  readonly id: string;
  readonly epoch: string;
  /** No message is left at or below this marker. LowWater alone changes it. */
  lowWater: string;
}

/** What a class knows of queues, each for as long as its row is remembered. */
export class PerQueue<T extends object> {
  readonly #known = new WeakMap<QueueRow, T>();
  readonly #initial: () => T;

  /** `initial`: what is known of a queue at first. */
  constructor(initial: () => T) {
    this.#initial = initial;
  }

  of(row: QueueRow): T {
    let known = this.#known.get(row);
    if (known === undefined) {
      known = this.#initial();
      this.#known.set(row, known);
    }
    return known;
  }
}

interface FoundRow {
  id: string;
  epoch: string;
  state: "live" | "moving";
}

const QUEUE = { project: text, name: text } as const;
const LIFE = { ...QUEUE, epoch: int8 } as const;
const FOUND = `
    SELECT id::text, epoch::text, state FROM pool_queues
    WHERE project = :project AND name = :name AND state IN ('live', 'moving')`;

const FIND = statement({ name: "pool_queue_find", parameters: QUEUE, row: rowOf<FoundRow>(), text: FOUND });

const LOCK = statement({
  name: "pool_queue_lock",
  parameters: QUEUE,
  row: rowOf<FoundRow>(),
  text: `${FOUND} FOR UPDATE`,
});

/** The queue has moved from here, in this epoch or a later one. */
const MOVED_AWAY = statement({
  name: "pool_queue_moved_away",
  parameters: LIFE,
  text: `SELECT 1 FROM pool_queues WHERE project = :project AND name = :name AND state = 'moved' AND epoch >= :epoch`,
});

const DETACH_ROW = statement({
  name: "pool_queue_detach_row",
  parameters: { id: int8 },
  text: `UPDATE pool_queues SET state = 'detached', detached_at = ${NOW} WHERE id = :id`,
});

/** No row: another caller attached the queue at the same moment. */
const INSERT = statement({
  name: "pool_queue_insert",
  parameters: LIFE,
  text: `
    INSERT INTO pool_queues (project, name, epoch) VALUES (:project, :name, :epoch)
    ON CONFLICT (project, name) WHERE state IN ('live', 'moving') DO NOTHING RETURNING 1`,
});

const FORGET_MOVES = statement({
  name: "pool_queue_forget_moves",
  parameters: LIFE,
  text: `
    UPDATE pool_queues SET state = 'detached'
    WHERE project = :project AND name = :name AND state = 'moved' AND epoch < :epoch`,
});

const DETACH = statement({
  name: "pool_queue_detach",
  parameters: { ...QUEUE, epoch: orNull(int8), undoToken: orNull(uuid) },
  text: `
    UPDATE pool_queues SET state = 'detached', detached_at = ${NOW}, undo_token = :undoToken
    WHERE project = :project AND name = :name AND state IN ('live', 'moving')
      AND (:epoch::bigint IS NULL OR epoch <= :epoch)`,
});

/** As many queues as one process is likely to work with at a time. */
const REMEMBERED_QUEUES = 50_000;

/**
 * Finds the rows of queues and remembers them. A remembered row may be old: every statement checks id and epoch again,
 * and affects nothing when they are.
 */
export class QueueRows {
  readonly #statements: Statements;
  readonly #remembered = new LRUCache<string, QueueRow>(entriesUpTo(REMEMBERED_QUEUES));

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * Calls `work` with the queue's row. When that returns STALE (the row is deleted or has another epoch) it reads the
   * row again and calls `work` once more. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, QUEUE_IS_MOVING.
   */
  async with<T>(queue: QueueRef, work: (row: QueueRow) => Promise<T | typeof STALE>): Promise<T> {
    const key = queueKey(queue);
    const remembered = this.#remembered.get(key);
    this.#statements.calls.begin();
    try {
      if (remembered !== undefined && (queue.epoch === undefined || remembered.epoch === String(queue.epoch))) {
        const result = await work(remembered);
        if (result !== STALE) return result;
        this.#remembered.delete(key);
      }
      const result = await work(await this.find(queue));
      if (result !== STALE) return result;
      this.#remembered.delete(key);
      throw staleEpoch(queue);
    } finally {
      this.#statements.calls.end();
    }
  }

  /** Reads the row from the table. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, QUEUE_IS_MOVING. */
  async find(queue: QueueRef): Promise<QueueRow> {
    const { project, name } = queue;
    const [found] = await this.#statements.read(FIND, { project, name });
    if (found === undefined) {
      throw queueDoesNotExist(queue);
    }
    if (queue.epoch !== undefined && found.epoch !== String(queue.epoch)) throw staleEpoch(queue);
    if (found.state === "moving") throw isMoving(queue);
    return this.remember(queue, found.id, found.epoch);
  }

  /** Remembers a row that a statement has found. What is known of the same row already stays. */
  remember(queue: QueueRef, id: string, epoch: string): QueueRow {
    const key = queueKey(queue);
    const known = this.#remembered.get(key);
    if (known?.id === id && known.epoch === epoch) return known;
    const row: QueueRow = { id, epoch, lowWater: "0" };
    this.#remembered.set(key, row);
    return row;
  }

  /** The remembered row, without asking the table. */
  peek(queue: QueueRef): QueueRow | undefined {
    return this.#remembered.get(queueKey(queue));
  }

  forget(queue: QueueRef): void {
    this.#remembered.delete(queueKey(queue));
  }

  /** The store has lost its last writes: rows may be missing, and deleted messages may be back. */
  forgetAll(): void {
    this.#remembered.clear();
  }

  /** See DataDriver.attachQueue. */
  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    this.forget(queue);
    try {
      await inTransaction(this.#statements, (transaction) => attachIn(transaction, queue));
    } catch (error) {
      throw translatePostgresError(error);
    }
    // Another caller may have attached at the same moment, with another epoch.
    const attached = await this.find({ project: queue.project, name: queue.name });
    if (Number(attached.epoch) > queue.epoch) throw staleEpoch(queue);
    if (Number(attached.epoch) < queue.epoch) await this.attach(queue);
  }

  /** See DataDriver.detachQueue. */
  async detach(queue: QueueRef, undoToken: string | null = null): Promise<void> {
    const { project, name, epoch = null } = queue;
    await this.#statements.write(DETACH, { project, name, epoch, undoToken });
    this.forget(queue);
  }
}

async function attachIn(transaction: Transaction, queue: QueueRef & { epoch: number }): Promise<void> {
  const { project, name, epoch } = queue;
  const [row] = await transaction.run(LOCK, { project, name });
  if (row !== undefined && Number(row.epoch) > epoch) throw staleEpoch(queue);
  if (row?.state === "moving" && Number(row.epoch) === epoch) throw isMoving(queue);
  // The caller read the catalogue before the queue moved away.
  const moved = await transaction.run(MOVED_AWAY, { project, name, epoch });
  if (moved.length > 0) throw staleEpoch(queue);
  if (row !== undefined && Number(row.epoch) >= epoch) return;
  if (row !== undefined) await transaction.run(DETACH_ROW, { id: row.id });
  const inserted = await transaction.run(INSERT, { project, name, epoch });
  // The queue is here again, so the rows that say that it has moved away are no longer true.
  if (inserted.length > 0) await transaction.run(FORGET_MOVES, { project, name, epoch });
}

/** The result of a statement that did not find the row it was given. See QueueRows.with. */
export const STALE = Symbol("stale");
