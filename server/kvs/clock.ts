/** The one clock of a store and its backends; the offset is for tests, which move time instead of waiting for it. */
export interface Clock {
  offsetMs: number;
}

/** Milliseconds that only grow, whatever happens to the wall clock. */
export function monotonicNow(clock: Clock): number {
  return performance.now() + clock.offsetMs;
}
