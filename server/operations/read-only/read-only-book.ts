import type { ReadOnly, ReadOnlyController } from "../../storage/read-only.ts";

/** How long a process may use what it read: the switch takes effect in other processes within this time. */
const FRESH_MS = 1000;
/** After this time it is read again beside the calls, so that on a busy path none of them waits. */
const READ_AGAIN_MS = 500;

/** Whether the service is read-only, for the path of all mutations: two statements a second at most. */
export class ReadOnlyBook {
  readonly #stored: ReadOnlyController;
  readonly #now: () => number;
  #known: { readOnly: ReadOnly | null; readAt: number } | undefined;
  #reading: Promise<ReadOnly | null> | undefined;

  constructor({ stored, now }: { stored: ReadOnlyController; now: () => number }) {
    this.#stored = stored;
    this.#now = now;
  }

  get(): ReadOnly | null | Promise<ReadOnly | null> {
    const known = this.#known;
    const age = known === undefined ? FRESH_MS : this.#now() - known.readAt;
    if (known === undefined || age >= FRESH_MS) return this.#read();
    // Whoever asks when it is no longer fresh gets the error.
    if (age >= READ_AGAIN_MS) this.#read().catch(() => undefined);
    return known.readOnly;
  }

  /** Call it after a change here: the next look reads the database. */
  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
  }

  #read(): Promise<ReadOnly | null> {
    if (this.#reading !== undefined) return this.#reading;
    const readAt = this.#now();
    const reading = this.#stored
      .get()
      .then((readOnly) => {
        // What was read before a change is not kept.
        if (this.#reading === reading) this.#known = { readOnly, readAt };
        return readOnly;
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
    return reading;
  }
}
