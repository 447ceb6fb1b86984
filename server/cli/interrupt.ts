/** Ctrl-C and SIGTERM, for commands that have something to end in order. */

/** A shell adds it to a signal's number. */
const SIGNALS = 128;
/** The installed command passes on the Ctrl-C that the terminal has sent here already. */
const ECHO_MS = 300;

let isInterrupted = false;

/** Whether a signal has come to a command that takes them. */
export function wasInterrupted(): boolean {
  return isInterrupted;
}

/**
 * Calls `first` at the first signal and `again` at each later one, with the exit code that says so. No signal ends the
 * process by itself any more, until the returned function is called.
 */
export function onInterrupt(first: (exitCode: number) => void, again: (exitCode: number) => void): () => void {
  let counted = Number.NEGATIVE_INFINITY;
  const take = (_name: string, number: number) => {
    const now = performance.now();
    if (now - counted < ECHO_MS) return;
    counted = now;
    const act = isInterrupted ? again : first;
    isInterrupted = true;
    act(SIGNALS + number);
  };
  process.on("SIGINT", take).on("SIGTERM", take);
  return () => void process.off("SIGINT", take).off("SIGTERM", take);
}

/** Aborts at the first signal. Another one ends the process at once, with 130 when it was Ctrl-C. */
export function untilInterrupted(): AbortSignal {
  const ending = new AbortController();
  onInterrupt(
    () => ending.abort(),
    (exitCode) => process.exit(exitCode),
  );
  return ending.signal;
}
