/** How late the event loop of this process runs, for liveness: it depends on nothing outside of the process. */
const TICK_MS = 100;
/** How long a delay counts after its end: a probe that waited for its end still sees it, the next probe does not. */
const MEMORY_MS = 1000;
/** With a longer delay, no request meets its deadline. */
const MAX_DELAY_MS = 5000;

export interface EventLoopWatch {
  /** The longest delay of the last second, or the present one if that is longer. */
  lag(): { milliseconds: number; alive: boolean };
  stop(): void;
}

/** `now` counts milliseconds. */
export function watchEventLoop(now: () => number = () => performance.now()): EventLoopWatch {
  let due = now() + TICK_MS;
  let longest = { late: 0, at: now() };
  const lateness = () => Math.max(0, now() - due);
  const timer = setInterval(() => {
    const late = lateness();
    if (late >= longest.late || now() - longest.at >= MEMORY_MS) longest = { late, at: now() };
    due = now() + TICK_MS;
  }, TICK_MS);
  timer.unref();
  return {
    lag: () => {
      const milliseconds = Math.max(longest.late, lateness());
      return { milliseconds: Math.round(milliseconds), alive: milliseconds < MAX_DELAY_MS };
    },
    stop: () => clearInterval(timer),
  };
}
