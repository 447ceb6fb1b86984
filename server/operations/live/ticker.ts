/** A shared clock tick for what watches: it runs while somebody listens. */
export interface Ticker {
  /** `listener` is called each second, never while its last call still runs, until the function that this gives is called. */
  listen(listener: () => Promise<void>): () => void;
}

const INTERVAL_MS = 1000;

export function createTicker(failed: (error: unknown) => void): Ticker {
  const listeners = new Map<() => Promise<void>, { busy: boolean }>();
  let timer: NodeJS.Timeout | undefined;

  async function call(listener: () => Promise<void>, state: { busy: boolean }): Promise<void> {
    if (state.busy) return;
    state.busy = true;
    await listener().catch(failed);
    state.busy = false;
  }

  return {
    listen(listener) {
      listeners.set(listener, { busy: false });
      timer ??= setInterval(() => {
        for (const [each, state] of listeners) void call(each, state);
      }, INTERVAL_MS).unref();
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

/** A flag that one reader waits for. Set while nobody waits, it is remembered once. */
export class Wake {
  #set = false;
  #resolve: (() => void) | undefined;

  set(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** Until it is set, or `signal` aborts. Then it is clear again. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#set && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const awake = () => {
          signal.removeEventListener("abort", awake);
          resolve();
        };
        this.#resolve = awake;
        signal.addEventListener("abort", awake);
      });
      this.#resolve = undefined;
    }
    this.#set = false;
  }
}
