/** Work with passwords that must not take the whole machine: so much at a time, so much that waits, no more. */
import { Semaphore } from "async-mutex";
import { DomainError } from "../../errors.ts";

export class Turns {
  readonly #atOnce: Semaphore;
  readonly #most: number;
  #inside = 0;

  constructor({ atOnce, waiting }: { atOnce: number; waiting: number }) {
    this.#atOnce = new Semaphore(atOnce);
    this.#most = atOnce + waiting;
  }

  /** DEADLINE_EXCEEDED at once when too many wait already. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#most) throw passwordsTakeTooLong();
    this.#inside += 1;
    try {
      return await this.#atOnce.runExclusive(work);
    } finally {
      this.#inside -= 1;
    }
  }
}

export function passwordsTakeTooLong(cause?: unknown): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", "Too many passwords are being checked. Try again in a moment.", {
    cause,
  });
}
