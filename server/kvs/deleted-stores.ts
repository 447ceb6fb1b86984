/**
 * What deleted stores leave: their values and locks. A mark names each such store until nothing of it is left and no
 * process uses its definition any more, because until then another process may still write to it.
 */
import type { Clock } from "./clock.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import type { Lock } from "./lock.ts";
import type { Backend } from "./region.ts";
import { DEFINITION_SECONDS, type StoreDefinition } from "./store-definition.ts";

/** When a store was deleted, in milliseconds since 1970, by the clock of the process that did it. */
export interface DeletionMark {
  at: number;
}

/** Values or locks that one statement deletes. */
const BATCH = 1000;
/** Statements for one store before the next sweep goes on. */
const STATEMENTS = 10;
/** Marks that one sweep reads. */
const SWEPT = 100;
/** How long a mark stays at least. The clocks of two servers may differ. */
const MARK_SECONDS = DEFINITION_SECONDS + 60;

export class DeletedStores {
  readonly #backend: Backend;
  readonly #marks: KeyValueStore<DeletionMark>;
  readonly #definitions: KeyValueStore<StoreDefinition>;
  readonly #clock: Clock;

  constructor(params: {
    backend: Backend;
    marks: KeyValueStore<DeletionMark>;
    definitions: KeyValueStore<StoreDefinition>;
    clock: Clock;
  }) {
    this.#backend = params.backend;
    this.#marks = params.marks;
    this.#definitions = params.definitions;
    this.#clock = params.clock;
  }

  async mark(name: string): Promise<void> {
    await this.#marks.set(name, { at: this.#now() });
  }

  async unmark(name: string): Promise<void> {
    await this.#marks.delete(name);
  }

  /** Those of these stores that were deleted and may have left something. */
  async among(names: readonly string[]): Promise<ReadonlySet<string>> {
    if (names.length === 0) return new Set();
    const marks = await this.#marks.getMulti(names);
    return new Set(names.filter((_, index) => marks[index] !== undefined));
  }

  /**
   * Deletes what the store left, with at most `statements` statements. Returns how much, and whether that was all.
   * `lock`: that of the store's definition. It stops when the lock ends, because from then on somebody may create a
   * store of that name.
   */
  async free(name: string, lock: Lock, statements = STATEMENTS): Promise<{ freed: number; done: boolean }> {
    const region = this.#backend.open(name, {});
    const page = { limit: BATCH };
    let freed = 0;
    for (let sent = 0; sent < statements && !lock.expired; sent += 1) {
      const [keys = []] = await this.#backend.keys([name], page);
      if (keys.length > 0) freed += (await region.delete(keys.map(({ key }) => key))).deleted;
      const [locks = []] = keys.length > 0 ? [] : await this.#backend.locksOf([name], page);
      for (const { key, holder, fence } of locks) await region.releaseLock(key, { holder, fence });
      if (keys.length === 0 && locks.length < BATCH) return { freed, done: true };
    }
    return { freed, done: false };
  }

  /** Frees what deleted stores left. Returns how many values. */
  async sweep(nameOfMarks: string): Promise<number> {
    const [marked = []] = await this.#backend.keys([nameOfMarks], { limit: SWEPT });
    let sum = 0;
    for (const { key: name } of marked) sum += await this.#sweep(name);
    return sum;
  }

  async #sweep(name: string): Promise<number> {
    // So that nobody creates a store of that name meanwhile.
    await using lock = await this.#definitions.getLock(name).acquire();
    const [[mark], [definition]] = await Promise.all([
      this.#marks.getMulti([name]),
      this.#definitions.getMulti([name]),
    ]);
    if (mark === undefined) return 0;
    if (definition !== undefined) {
      await this.unmark(name);
      return 0;
    }
    const { freed, done } = await this.free(name, lock);
    if (done && this.#now() - mark.at > MARK_SECONDS * 1000) await this.unmark(name);
    return freed;
  }

  #now(): number {
    return Date.now() + this.#clock.offsetMs;
  }
}
