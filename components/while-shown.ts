/** Milliseconds before a stream that broke is opened again. */
const RETRY_MS = 2000;

/**
 * Runs `turn` again and again, with a pause after one that ended by itself, until it returns "over" or `signal` aborts.
 * A hidden tab listens to nothing: its turn is aborted, and the next one begins when the tab is shown.
 */
export async function whileShown(
  turn: (stop: AbortController, signal: AbortSignal) => Promise<"over" | "again">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await shown(signal);
    if (signal.aborted) return;
    const stop = new AbortController();
    const hide = () => document.hidden && stop.abort();
    document.addEventListener("visibilitychange", hide);
    const outcome = await turn(stop, AbortSignal.any([signal, stop.signal]));
    document.removeEventListener("visibilitychange", hide);
    if (outcome === "over") return;
    if (!stop.signal.aborted) await pause(RETRY_MS, signal);
  }
}

function shown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
    look();
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
