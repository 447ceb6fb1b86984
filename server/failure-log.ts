import { type ErrorKind, kindOf } from "./errors.ts";

/**
 * Tells of what fails again and again when it begins, and when it works again, and is silent in between; a failure of another kind begins anew.
 * `what` is the beginning of the sentence, such as "Garbage collection".
 */
export class FailureLog {
  readonly #warn: (message: string, error: unknown) => void;
  readonly #info: (message: string) => void;
  readonly #failing = new Map<string, ErrorKind>();

  constructor(log: { warn: (message: string, error: unknown) => void; info: (message: string) => void }) {
    this.#warn = log.warn;
    this.#info = log.info;
  }

  failed(what: string, error: unknown): void {
    const kind = kindOf(error);
    if (this.#failing.get(what) === kind) return;
    this.#failing.set(what, kind);
    this.#warn(`${what} fails; the next line about it comes when it works again`, error);
  }

  worked(what: string): void {
    if (this.#failing.delete(what)) this.#info(`${what} works again`);
  }
}
