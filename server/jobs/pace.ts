/** The rate of a job, in steps a second. It can change while the job waits for it. */

/** What may be saved up, and what comes at once: the steps of so many seconds, and at least one. */
const SAVED_SECONDS = 1;
const ROUND_SECONDS = 0.5;

/**
 * Saves up allowance while time passes. It begins with none, so that a job that is taken again and again keeps its
 * rate. `now` is in milliseconds.
 */
export class Pace {
  readonly #now: () => number;
  #perSecond: number | null;
  #saved = 0;
  #savedAt: number;

  constructor(perSecond: number | null, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#perSecond = perSecond;
    this.#savedAt = now();
  }

  get perSecond(): number | null {
    return this.#perSecond;
  }

  /** What was saved at the former rate stays, as far as the new one allows it. */
  change(perSecond: number | null): void {
    this.#save();
    this.#perSecond = perSecond;
  }

  /** Takes up to `most` whole steps, once a round of them is allowed. 0: wait on. */
  take(most: number): number {
    if (this.#perSecond === null) return most;
    this.#save();
    if (this.#saved < Math.min(most, this.#stepsOf(ROUND_SECONDS))) return 0;
    const steps = Math.min(most, Math.floor(this.#saved));
    this.#saved -= steps;
    return steps;
  }

  /** Steps that were allowed and not made. */
  giveBack(steps: number): void {
    this.#saved += steps;
  }

  /** Until a round is allowed. */
  get waitMilliseconds(): number {
    if (this.#perSecond === null) return 0;
    this.#save();
    return (Math.max(0, this.#stepsOf(ROUND_SECONDS) - this.#saved) / this.#perSecond) * 1000;
  }

  #stepsOf(seconds: number): number {
    return Math.max(1, (this.#perSecond ?? 0) * seconds);
  }

  #save(): void {
    const now = this.#now();
    if (this.#perSecond !== null) {
      const more = ((now - this.#savedAt) / 1000) * this.#perSecond;
      this.#saved = Math.min(this.#stepsOf(SAVED_SECONDS), this.#saved + more);
    }
    this.#savedAt = now;
  }
}
