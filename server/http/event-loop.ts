/** How late this process's event loop runs: what liveness asks, since it says nothing of anybody else. */
const TICK_MS = 100;
/** How long a delay counts once it is over: a probe that waited for its end still sees it, the next one does not. */
const MEMORY_MS = 1000;
/** Later than this, no request meets its deadline any more. */
const HOPELESS_MS = 5000;

export interface EventLoopWatch {
  /** The longest delay of the last second, the present one included. */
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
      return { milliseconds: Math.round(milliseconds), alive: milliseconds < HOPELESS_MS };
    },
    stop: () => clearInterval(timer),
  };
}
