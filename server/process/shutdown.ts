/** Ends a process in order: the part that was started last is closed first. */
import { hasLauncher } from "../config.ts";
import { StartError } from "./start-error.ts";

/** A part that has not closed by then is cut off. */
const DEADLINE_MS = 18_000;
const PARENT_CHECK_MS = 500;

export interface Stoppable {
  /** `hasty`: do not wait until load balancers have noticed. */
  close(options: { hasty: boolean }): Promise<void>;
}

/** Create it once per process: it handles the signals that end the process. */
export class Shutdown {
  readonly #parts: Stoppable[] = [];
  readonly #beginning = new AbortController();
  #step: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor() {
    // Ctrl-C in a terminal: there is no load balancer.
    process.on("SIGINT", () => void this.#exit(0, { hasty: true }));
    process.on("SIGTERM", () => void this.#exit(0, { hasty: false }));
    process.on("SIGHUP", () => void this.#exit(0, { hasty: false }));
    if (hasLauncher()) this.#exitWithParent();
    process.on("uncaughtException", (error) => {
      console.error(error);
      void this.#exit(1, { hasty: true });
    });
  }

  /**
   * `kill` on npm ends npm and its shell, and this process gets no signal. All that it can notice is that its parent
   * changed. The same goes for SIGKILL on the package's command.
   */
  #exitWithParent(): void {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      void this.#exit(0, { hasty: true });
    }, PARENT_CHECK_MS);
    timer.unref();
  }

  /** Aborts when the shutdown begins. */
  get signal(): AbortSignal {
    return this.#beginning.signal;
  }

  /**
   * Runs one step of the start. If the shutdown begins meanwhile, it waits for the step, closes the part that the step
   * returned, and rejects so that no further step begins.
   */
  async step<T extends Stoppable | undefined>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new StartError("Stopped while it started.");
    const step = work();
    this.#step = step.then(
      (part) => part && this.#parts.push(part),
      () => {},
    );
    const part = await step;
    await this.#step;
    if (this.#closing) {
      await this.#closing;
      throw new StartError("Stopped while it started.");
    }
    return part;
  }

  now(options: { hasty: boolean }): Promise<void> {
    this.#beginning.abort();
    this.#closing ??= this.#closeAll(options);
    return this.#closing;
  }

  async #closeAll(options: { hasty: boolean }): Promise<void> {
    await this.#step;
    for (const part of this.#parts.reverse()) {
      await part.close(options).catch((error: unknown) => console.error(error));
    }
  }

  async #exit(code: number, options: { hasty: boolean }): Promise<void> {
    if (this.#closing) return;
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
