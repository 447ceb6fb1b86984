/** How long a process may use what it read: a change takes effect in other processes within this time. */
const FRESH_MS = 1000;

/**
 * What `read` gives, for the path of many calls: they share one reading a second. A promise only when it must be read.
 *
 * `aheadMs`: after this time it is read again beside the calls, so that on a busy path none of them waits. Left out:
 * whoever asks when it is no longer fresh waits for it. An error of `read` is only theirs.
 */
export class FreshValue<Value> {
  readonly #read: () => Promise<Value>;
  readonly #now: () => number;
  readonly #aheadMs: number;
  #known: { value: Value; readAt: number } | undefined;
  #reading: Promise<Value> | undefined;

  constructor({ read, now, aheadMs = FRESH_MS }: { read: () => Promise<Value>; now: () => number; aheadMs?: number }) {
    this.#read = read;
    this.#now = now;
    this.#aheadMs = aheadMs;
  }

  get(): Value | Promise<Value> {
    const known = this.#known;
    const age = known === undefined ? FRESH_MS : this.#now() - known.readAt;
    if (known === undefined || age >= FRESH_MS) return this.#load();
    if (age >= this.#aheadMs) this.#load().catch(() => undefined);
    return known.value;
  }

  /** Call it after a change here: the next look reads. */
  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
  }

  #load(): Promise<Value> {
    if (this.#reading !== undefined) return this.#reading;
    const readAt = this.#now();
    const reading = this.#read()
      .then((value) => {
        // What was read before a change is not kept.
        if (this.#reading === reading) this.#known = { value, readAt };
        return value;
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
    return reading;
  }
}
