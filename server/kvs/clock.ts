/** The clock that a store and its backends share. The offset is for tests, which move time instead of waiting. */
export interface Clock {
  offsetMs: number;
}

/** Milliseconds that only grow, even when the wall clock is set back. */
export function monotonicNow(clock: Clock): number {
  return performance.now() + clock.offsetMs;
}
