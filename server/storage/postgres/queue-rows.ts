import { LRUCache } from "lru-cache";
import { DomainError } from "../../errors.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import { translatePostgresError } from "./sql/connection.ts";
import type { Statement, Statements } from "./sql/statements.ts";

/** A queue's row in this pool: what every statement finds its messages by. */
export interface QueueRow {
  readonly id: string;
  readonly epoch: string;
  /** See LowWater, which alone changes it. */
  floor: string;
}

/** What a class knows of queues, each for as long as its row is remembered. */
export class PerQueue<T extends object> {
  readonly #known = new WeakMap<QueueRow, T>();
  readonly #first: () => T;

  /** `first`: what is known of a queue that was never met. */
  constructor(first: () => T) {
    this.#first = first;
  }

  of(row: QueueRow): T {
    let known = this.#known.get(row);
    if (known === undefined) {
      known = this.#first();
      this.#known.set(row, known);
    }
    return known;
  }
}

const FIND: Statement = {
  name: "pool_queue_find",
  text: `SELECT id::text, epoch::text, state FROM pool_queues WHERE project = $1 AND name = $2 AND state IN ('live', 'moving')`,
};

/** As many queues as one process is likely to work with at a time. */
const REMEMBERED_QUEUES = 50_000;

/**
 * Rows of the table pool_queues: one per queue that lives in this pool, with its epoch and low-water marker.
 *
 * Rows are remembered for ever, since every statement checks id and epoch again and affects nothing when they are old.
 */
export class QueueRows {
  readonly #statements: Statements;
  readonly #clock: { offsetMs: number };
  readonly #remembered = new LRUCache<string, QueueRow>({ max: REMEMBERED_QUEUES });

  constructor(statements: Statements, clock: { offsetMs: number }) {
    this.#statements = statements;
    this.#clock = clock;
  }

  /**
   * Calls `work` with the queue's row. When that answers "stale" (the row is gone or has another epoch) it is read again
   * and `work` runs once more. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, QUEUE_IS_MOVING.
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

  /** Read from the table. QUEUE_DOES_NOT_EXIST, QUEUE_EPOCH_STALE, QUEUE_IS_MOVING. */
  async find(queue: QueueRef): Promise<QueueRow> {
    const [found] = await this.#statements.read<FoundRow>(FIND, [queue.project, queue.name]);
    if (found === undefined) {
      throw new DomainError("QUEUE_DOES_NOT_EXIST", `Queue ${queue.name} does not exist.`, {
        details: { project: queue.project, queue: queue.name },
      });
    }
    if (queue.epoch !== undefined && found.epoch !== String(queue.epoch)) throw staleEpoch(queue);
    if (found.state === "moving") throw isMoving(queue);
    const { id, epoch } = found;
    const row: QueueRow = { id, epoch, floor: "0" };
    this.#remembered.set(queueKey(queue), row);
    return row;
  }

  /** The row as remembered, without asking the table. */
  peek(queue: QueueRef): QueueRow | undefined {
    return this.#remembered.get(queueKey(queue));
  }

  forget(queue: QueueRef): void {
    this.#remembered.delete(queueKey(queue));
  }

  /** The store has lost its last writes: rows may be gone, and messages be back that were deleted. */
  forgetAll(): void {
    this.#remembered.clear();
  }

  async attach(queue: QueueRef & { epoch: number }): Promise<void> {
    this.forget(queue);
    const client = await this.#statements.connections.connect().catch((error: unknown) => {
      throw translatePostgresError(error);
    });
    let broken = false;
    try {
      await client.query("BEGIN");
      const found = await client.query<FoundRow>(
        "SELECT id::text, epoch::text, state FROM pool_queues WHERE project = $1 AND name = $2 AND state IN ('live', 'moving') FOR UPDATE",
        [queue.project, queue.name],
      );
      const row = found.rows[0];
      if (row !== undefined && Number(row.epoch) > queue.epoch) throw staleEpoch(queue);
      if (row?.state === "moving" && Number(row.epoch) === queue.epoch) throw isMoving(queue);
      // Whoever asks read the catalogue before the queue moved away.
      const away = await client.query(
        "SELECT 1 FROM pool_queues WHERE project = $1 AND name = $2 AND state = 'moved' AND epoch >= $3",
        [queue.project, queue.name, queue.epoch],
      );
      if (away.rows.length > 0) throw staleEpoch(queue);
      if (row === undefined || Number(row.epoch) < queue.epoch) {
        if (row !== undefined) {
          await client.query(
            `UPDATE pool_queues SET state = 'detached', detached_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1`,
            [row.id, this.#clock.offsetMs / 1000],
          );
        }
        const begun = await client.query(
          `INSERT INTO pool_queues (project, name, epoch) VALUES ($1, $2, $3)
           ON CONFLICT (project, name) WHERE state IN ('live', 'moving') DO NOTHING`,
          [queue.project, queue.name, queue.epoch],
        );
        // It lives here again, so what tells that it has moved away is no longer true.
        if (begun.rowCount !== 0) {
          await client.query(
            `UPDATE pool_queues SET state = 'detached' WHERE project = $1 AND name = $2 AND state = 'moved' AND epoch < $3`,
            [queue.project, queue.name, queue.epoch],
          );
        }
      }
      await client.query("COMMIT");
    } catch (error) {
      broken = !(error instanceof DomainError);
      if (!broken) await client.query("ROLLBACK").catch(() => undefined);
      throw translatePostgresError(error);
    } finally {
      client.release(broken);
    }
    // Somebody else may have attached at the same moment, with another epoch.
    const holds = await this.find({ project: queue.project, name: queue.name });
    if (Number(holds.epoch) > queue.epoch) throw staleEpoch(queue);
    if (Number(holds.epoch) < queue.epoch) await this.attach(queue);
  }

  async detach(queue: QueueRef): Promise<void> {
    await this.#statements.write(
      {
        name: "pool_queue_detach",
        text: `UPDATE pool_queues SET state = 'detached', detached_at = clock_timestamp() + make_interval(secs => $4)
               WHERE project = $1 AND name = $2 AND state IN ('live', 'moving') AND ($3::bigint IS NULL OR epoch <= $3)`,
      },
      [queue.project, queue.name, queue.epoch ?? null, this.#clock.offsetMs / 1000],
    );
    this.forget(queue);
  }
}

interface FoundRow {
  id: string;
  epoch: string;
  state: "live" | "moving";
}

/** What `QueueRows.with` hears when a statement did not find the row it was given. */
export const STALE = Symbol("stale");

export function staleEpoch(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_EPOCH_STALE", `Queue ${queue.name} has moved or was made again. Try again.`, {
    details: { project: queue.project, queue: queue.name },
  });
}

export function isMoving(queue: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_IS_MOVING",
    `Queue ${queue.name} is on its way to another pool. Try again in a moment.`,
    {
      details: { project: queue.project, queue: queue.name },
    },
  );
}
