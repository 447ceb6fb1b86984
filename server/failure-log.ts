import { type ErrorKind, kindOf } from "./errors.ts";

/**
 * Logs a repeating failure once when it starts and once when it recovers. A failure of another kind is logged as well.
 * `what` begins the log line, such as "Garbage collection".
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
    this.#warn(`${what} failed; the next line about it comes when it recovers`, error);
  }

  succeeded(what: string): void {
    if (this.#failing.delete(what)) this.#info(`${what} recovered`);
  }
}
