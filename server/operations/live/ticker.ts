/** One timer for all watchers. It runs only while there are listeners. */
export interface Ticker {
  /** Calls `listener` each second, unless its last call still runs. Returns the function that stops the calls. */
  listen(listener: () => Promise<void>): () => void;
}

const INTERVAL_MS = 1000;

/** `onError` gets the errors of listeners. */
export function createTicker(onError: (error: unknown) => void): Ticker {
  const listeners = new Map<() => Promise<void>, { busy: boolean }>();
  let timer: NodeJS.Timeout | undefined;

  async function call(listener: () => Promise<void>, state: { busy: boolean }): Promise<void> {
    if (state.busy) return;
    state.busy = true;
    await listener().catch(onError);
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

/** A flag that one reader waits for. If it is set while nobody waits, the next wait returns at once. */
export class Wake {
  #set = false;
  #resolve: (() => void) | undefined;

  set(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** Waits until the flag is set or `signal` aborts, then clears the flag. */
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
