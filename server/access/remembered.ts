/** What was read of the tables of rights, remembered until it changes. */
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../entry-limit.ts";
import type { AccessChange, AccessChanges } from "./changes.ts";

/** How long anything counts while this process does not listen to changes. */
const UNHEARD_MS = 1000;

interface Entry<Value> {
  readonly value: Value;
  readonly readAt: number;
}

/**
 * A cache of what `read` gives for a key. It is right within moments in all processes: a change of a row that an
 * entry is of removes it, whatever the number of entries. `get` is for the path of requests: it makes no promise.
 */
export class Remembered<Value extends object> {
  readonly #changes: AccessChanges;
  readonly #read: (key: string) => Promise<Value | null>;
  readonly #now: () => number;
  readonly #rowsOf: (value: Value) => readonly AccessChange[];
  readonly #maximum: number;
  #entries: LRUCache<string, Entry<Value>>;
  /** The keys of what is remembered of a row. */
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #reading = new Map<string, Promise<Value | null>>();
  readonly #stop: () => void;
  /** Changes heard so far. */
  #heard = 0;

  constructor(parts: {
    changes: AccessChanges;
    /** Null: there is none, which is not remembered. */
    read: (key: string) => Promise<Value | null>;
    /** The rows whose change ends the value. Always the same ones for a value. */
    rowsOf: (value: Value) => readonly AccessChange[];
    maximum: number;
    now: () => number;
  }) {
    this.#changes = parts.changes;
    this.#read = parts.read;
    this.#now = parts.now;
    this.#rowsOf = parts.rowsOf;
    this.#maximum = parts.maximum;
    this.#entries = this.#noEntries();
    this.#stop = parts.changes.watch((change) => {
      this.#heard += 1;
      // What is being read may be from before the change: nobody else gets it.
      this.#reading.clear();
      if (change === null) this.#forgetAll();
      else for (const key of [...(this.#keysOf.get(nameOf(change)) ?? [])]) this.#entries.delete(key);
    });
  }

  /** Undefined: it must be loaded. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#changes.isListening || this.#now() - entry.readAt < UNHEARD_MS) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Whether `load` joins a reading that has begun. */
  isLoading(key: string): boolean {
    return this.#reading.has(key);
  }

  /** Those who ask for a key while it is read get the same answer. */
  load(key: string): Promise<Value | null> {
    const running = this.#reading.get(key);
    if (running !== undefined) return running;
    const loading = this.#load(key).finally(() => {
      if (this.#reading.get(key) === loading) this.#reading.delete(key);
    });
    this.#reading.set(key, loading);
    return loading;
  }

  async #load(key: string): Promise<Value | null> {
    const readAt = this.#now();
    const heard = this.#heard;
    const value = await this.#read(key);
    // A change that came meanwhile may be newer than what was read.
    if (value !== null && heard === this.#heard) {
      this.#entries.set(key, { value, readAt });
      this.#list(key, value);
    }
    return value;
  }

  #list(key: string, value: Value): void {
    for (const row of this.#rowsOf(value)) {
      const keys = this.#keysOf.get(nameOf(row));
      if (keys === undefined) this.#keysOf.set(nameOf(row), new Set([key]));
      else keys.add(key);
    }
  }

  #unlist(key: string, value: Value): void {
    for (const row of this.#rowsOf(value)) {
      const keys = this.#keysOf.get(nameOf(row));
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOf.delete(nameOf(row));
    }
  }

  #noEntries(): LRUCache<string, Entry<Value>> {
    return new LRUCache({ ...entriesUpTo(this.#maximum), dispose: ({ value }, key) => this.#unlist(key, value) });
  }

  /** At once: to clear the cache would take the entries out of the index one by one. */
  #forgetAll(): void {
    this.#keysOf.clear();
    this.#entries = this.#noEntries();
  }

  close(): void {
    this.#stop();
    this.#forgetAll();
  }
}

const nameOf = ({ table, key }: AccessChange) => `${table}:${key}`;
