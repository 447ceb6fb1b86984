/** What was read of the tables of rights, remembered until it changes. */
import { LRUCache } from "lru-cache";
import type { AccessChange, AccessChanges } from "./changes.ts";

/** How long anything counts while this process does not listen to changes. */
const UNHEARD_MS = 1000;

interface Entry<Value> {
  readonly value: Value;
  readonly readAt: number;
}

/**
 * A cache of what `read` gives for a key. It is right within moments in all processes: a change that `concerns` an entry
 * removes it. `get` is for the path of requests: it makes no promise.
 */
export class Remembered<Value extends object> {
  readonly #changes: AccessChanges;
  readonly #read: (key: string) => Promise<Value | null>;
  readonly #now: () => number;
  readonly #entries: LRUCache<string, Entry<Value>>;
  readonly #reading = new Map<string, Promise<Value | null>>();
  readonly #stop: () => void;
  /** Changes heard so far. */
  #heard = 0;

  constructor(parts: {
    changes: AccessChanges;
    /** Null: there is none, which is not remembered. */
    read: (key: string) => Promise<Value | null>;
    /** Whether what this change is about is, or is in, the value. */
    concerns: (change: AccessChange, value: Value) => boolean;
    maximum: number;
    now: () => number;
  }) {
    this.#changes = parts.changes;
    this.#read = parts.read;
    this.#now = parts.now;
    this.#entries = new LRUCache({ max: parts.maximum });
    this.#stop = parts.changes.watch((change) => {
      this.#heard += 1;
      // What is being read may be from before the change: nobody else gets it.
      this.#reading.clear();
      if (change === null) this.#entries.clear();
      else {
        for (const [key, { value }] of this.#entries) if (parts.concerns(change, value)) this.#entries.delete(key);
      }
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
    if (value !== null && heard === this.#heard) this.#entries.set(key, { value, readAt });
    return value;
  }

  close(): void {
    this.#stop();
    this.#entries.clear();
  }
}
