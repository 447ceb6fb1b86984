const BEAT_EVERY_MS = 2000;

/** The heartbeats of a job: one every two seconds, and one at a time. Begins at once. */
export class Heartbeats {
  readonly #beat: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #last = Promise.resolve();
  #underWay = 0;
  #hasStopped = false;

  /** `beat` must not reject. */
  constructor(beat: () => Promise<void>) {
    this.#beat = beat;
    this.#timer = setInterval(() => {
      if (this.#underWay === 0) void this.now();
    }, BEAT_EVERY_MS).unref();
  }

  /** Sends one after those that are under way. */
  now(): Promise<void> {
    this.#underWay += 1;
    this.#last = this.#last.then(this.#beat).finally(() => {
      this.#underWay -= 1;
    });
    return this.#last;
  }

  /** The same, unless one waits already, or `stop` was called: it would renew a lease that was released. */
  soon(): void {
    if (!this.#hasStopped && this.#underWay < 2) void this.now();
  }

  /** Sends no more by itself. Resolves once none is under way. */
  stop(): Promise<void> {
    this.#hasStopped = true;
    clearInterval(this.#timer);
    return this.#last;
  }
}
