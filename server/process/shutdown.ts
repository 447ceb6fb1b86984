/** Ends a process in order: what was started last is closed first. */
import { isStartedByNpm } from "../config.ts";
import { StartError } from "./start-error.ts";

/** Everything must have ended by then; what has not is cut off. */
const DEADLINE_MS = 18_000;
const PARENT_CHECK_MS = 500;

export interface Stoppable {
  /** `hasty`: without waiting for load balancers to notice. */
  close(options: { hasty: boolean }): Promise<void>;
}

/** Made once per process: it takes the signals that end it. */
export class Shutdown {
  readonly #parts: Stoppable[] = [];
  readonly #begun = new AbortController();
  #step: Promise<unknown> = Promise.resolve();
  #running: Promise<void> | undefined;

  constructor() {
    // From a terminal, nobody waits for a load balancer.
    process.on("SIGINT", () => void this.#end(0, { hasty: true }));
    process.on("SIGTERM", () => void this.#end(0, { hasty: false }));
    process.on("SIGHUP", () => void this.#end(0, { hasty: false }));
    if (isStartedByNpm()) this.#endWithParent();
    process.on("uncaughtException", (error) => {
      console.error(error);
      void this.#end(1, { hasty: true });
    });
  }

  /** `kill` on npm ends npm and the shell between, and tells us nothing: what is left to see is that the parent is another. */
  #endWithParent(): void {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      void this.#end(0, { hasty: true });
    }, PARENT_CHECK_MS);
    timer.unref();
  }

  /** Aborts when the end begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /**
   * One step of the start. An end that begins meanwhile waits for it, and closes what it gave; what would follow it
   * is not begun.
   */
  async step<T extends Stoppable | undefined>(work: () => Promise<T>): Promise<T> {
    if (this.#running) throw new StartError("Stopped while it started.");
    const step = work();
    this.#step = step.then(
      (part) => part && this.#parts.push(part),
      () => {},
    );
    const part = await step;
    await this.#step;
    if (this.#running) {
      await this.#running;
      throw new StartError("Stopped while it started.");
    }
    return part;
  }

  now(options: { hasty: boolean }): Promise<void> {
    this.#begun.abort();
    this.#running ??= this.#closeAll(options);
    return this.#running;
  }

  async #closeAll(options: { hasty: boolean }): Promise<void> {
    await this.#step;
    for (const part of this.#parts.reverse()) {
      await part.close(options).catch((error: unknown) => console.error(error));
    }
  }

  async #end(code: number, options: { hasty: boolean }): Promise<void> {
    if (this.#running) return;
    console.log("Stopping...");
    const overdue = setTimeout(() => {
      console.error("Stopping took too long. The database recovers at the next start.");
      process.exit(1);
    }, DEADLINE_MS);
    overdue.unref();
    await this.now(options);
    console.log("Stopped.");
    process.exit(code);
  }
}
