/** The catalogue with a cache: where each queue is, at most a second old. */
import { DomainError, hasCode } from "../../errors.ts";
import type { CatalogueEntry, ControlDriver, QueueMove } from "../control-driver.ts";
import type { DataDriver } from "../data-driver.ts";
import { withDeadline } from "../deadlines/deadline.ts";
import { queueNotMapped } from "../errors/storage-errors.ts";
import { type QueueRef, queueKey } from "../queue-ref.ts";
import { completeUndo } from "../undo/complete-undo.ts";

/** A queue's pool, and its epoch there. */
export interface QueueLocation {
  readonly pool: string;
  readonly epoch: number;
}

/**
 * The cache of queue locations; a configured KeyValueStore is one. It may forget, fail or hang: that costs a read of
 * the catalogue, and no answer depends on it. Best is a store in memory, without locks and key mangler.
 */
export interface LocationCache {
  /** The cached location, without a promise. */
  peek(key: string): QueueLocation | undefined;
  /** Rejects when the key is absent. */
  get(key: string): Promise<QueueLocation>;
  set(key: string, location: QueueLocation, options: { ttlSeconds: number }): Promise<void>;
  deleteMulti(keys: readonly string[]): Promise<unknown>;
}

const REMEMBER_SECONDS = 1;
/** A cache that takes longer is slower than the catalogue. */
const CACHE_TIMEOUT_MS = 250;

export class PoolCatalog {
  readonly #control: Pick<ControlDriver, "catalogue" | "queues" | "moveLedger" | "undos">;
  readonly #cache: LocationCache;
  /** Callers that ask for the same queue at the same time share one look-up. */
  readonly #looking = new Map<string, Promise<QueueLocation>>();

  constructor(control: Pick<ControlDriver, "catalogue" | "queues" | "moveLedger" | "undos">, cache: LocationCache) {
    this.#control = control;
    this.#cache = cache;
  }

  /** The cached location. Undefined when it is not cached; the queue may exist all the same. */
  peek(queue: QueueRef): QueueLocation | undefined {
    try {
      return this.#cache.peek(queueKey(queue));
    } catch {
      return undefined;
    }
  }

  /**
   * QUEUE_DOES_NOT_EXIST, or QUEUE_NOT_MAPPED when the queue exists without a catalogue entry. Neither is cached, so a
   * queue that another process creates is found at once.
   */
  find(queue: QueueRef): Promise<QueueLocation> {
    return this.#lookOnce(queue, async (key) => {
      const cached = await this.#read(key);
      return cached ?? locationOf(await this.#entry(queue));
    });
  }

  /**
   * Reads the catalogue past the cache. QUEUE_DOES_NOT_EXIST also when only the catalogue entry is left: that of a
   * deleted queue may stay for its subscriptions. QUEUE_NOT_MAPPED.
   */
  async reload(queue: QueueRef): Promise<QueueLocation> {
    const [entry, exists] = await Promise.all([this.#entry(queue), this.#control.queues.exists(queue)]);
    if (!exists) throw doesNotExist(queue);
    const location = locationOf(entry);
    await this.#write(queueKey(queue), location);
    return location;
  }

  /** The locations of many queues, with one query for those that are not cached. Null for unknown queues. */
  async findMany(queues: readonly QueueRef[]): Promise<(QueueLocation | null)[]> {
    const locations = queues.map((queue) => this.peek(queue) ?? null);
    const unknown = queues.filter((_, index) => locations[index] === null);
    if (unknown.length === 0) return locations;
    const found = new Map<string, QueueLocation>();
    for (const entry of await this.#control.catalogue.getMany(unknown)) {
      const key = queueKey({ project: entry.project, name: entry.queue });
      found.set(key, locationOf(entry));
    }
    await Promise.all(Array.from(found, ([key, location]) => this.#write(key, location)));
    return queues.map((queue, index) => locations[index] ?? found.get(queueKey(queue)) ?? null);
  }

  /**
   * Like `findMany`, with an error for each unknown queue: QUEUE_DOES_NOT_EXIST, or QUEUE_NOT_MAPPED when it exists. At
   * most two more queries for all of these.
   */
  async locate(queues: readonly QueueRef[]): Promise<(QueueLocation | DomainError)[]> {
    const locations = await this.findMany(queues);
    const unknown = queues.filter((_, index) => locations[index] === null);
    if (unknown.length === 0) return locations as QueueLocation[];
    const existing = await this.#control.queues.getMany(unknown);
    // Queue and entry are created in one step, perhaps between the two reads above.
    const again = await this.findMany(existing);
    const found = new Map(existing.map((queue, index) => [queueKey(queue), again[index] ?? queueNotMapped(queue)]));
    return queues.map((queue, index) => locations[index] ?? found.get(queueKey(queue)) ?? doesNotExist(queue));
  }

  /** The move of the queue that has not ended; null when there is none. Never remembered. */
  findMove(queue: QueueRef): Promise<QueueMove | null> {
    return this.#control.moveLedger.find(queue);
  }

  /**
   * Ends undos of the queue that were broken off between pool and catalogue. Returns whether there was one: then the
   * catalogue may have a new epoch.
   */
  async finishUndos(queue: QueueRef, pool: string, driver: DataDriver): Promise<boolean> {
    const { undos } = this.#control;
    const started = (await undos.listStarted(queue)).filter((undo) => undo.pool === pool);
    const failures: unknown[] = [];
    for (const { token } of started) {
      try {
        // Started again: an undo that was ended just before this one has begun another life.
        await completeUndo(undos, driver, await undos.start(token));
      } catch (error) {
        // It holds up no other one of the queue.
        if (!hasCode(error, "UNDO_IS_OVER")) failures.push(error);
      }
    }
    if (failures.length > 0 && failures.length === started.length) throw failures[0];
    return started.length > 0;
  }

  async forget(queue: QueueRef): Promise<void> {
    const key = queueKey(queue);
    this.#looking.delete(key);
    await this.#quietly(() => this.#cache.deleteMulti([key]));
  }

  #lookOnce(queue: QueueRef, look: (key: string) => Promise<QueueLocation>): Promise<QueueLocation> {
    const key = queueKey(queue);
    const running = this.#looking.get(key);
    if (running !== undefined) return running;
    const started: Promise<QueueLocation> = look(key)
      .then(async (location) => {
        // Not cached if it was forgotten meanwhile: the answer may be from before the change.
        if (this.#looking.get(key) === started) await this.#write(key, location);
        return location;
      })
      .finally(() => {
        if (this.#looking.get(key) === started) this.#looking.delete(key);
      });
    this.#looking.set(key, started);
    return started;
  }

  async #entry(queue: QueueRef): Promise<CatalogueEntry> {
    const { catalogue, queues } = this.#control;
    try {
      return await catalogue.get(queue);
    } catch (error) {
      if (!hasCode(error, "QUEUE_NOT_MAPPED")) throw error;
      if (!(await queues.exists(queue))) throw doesNotExist(queue);
      // Queue and entry are created in one step, perhaps between the two reads above.
      return await catalogue.get(queue);
    }
  }

  async #read(key: string): Promise<QueueLocation | undefined> {
    return this.#quietly(() => this.#cache.get(key));
  }

  async #write(key: string, location: QueueLocation): Promise<void> {
    await this.#quietly(() => this.#cache.set(key, location, { ttlSeconds: REMEMBER_SECONDS }));
  }

  async #quietly<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await withDeadline(work(), CACHE_TIMEOUT_MS, () => undefined);
    } catch {
      return undefined;
    }
  }
}

function locationOf(entry: CatalogueEntry): QueueLocation {
  return { pool: entry.pool, epoch: entry.epoch };
}

function doesNotExist(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", "There is no queue of this name in this project.", {
    details: { project: queue.project, queue: queue.name },
  });
}
