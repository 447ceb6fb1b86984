/** How late this process's event loop runs: what liveness asks, since it says nothing of anybody else. */
import { monitorEventLoopDelay } from "node:perf_hooks";

const WINDOW_MS = 10_000;
/** Later than this, no request meets its deadline any more. */
const HOPELESS_MS = 5000;

export interface EventLoopWatch {
  /** The longest delay of the present and the last window. */
  lag(): { milliseconds: number; alive: boolean };
  stop(): void;
}

export function watchEventLoop(): EventLoopWatch {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let previous = 0;
  const timer = setInterval(() => {
    previous = delay.max / 1e6;
    delay.reset();
  }, WINDOW_MS);
  timer.unref();
  return {
    lag: () => {
      const milliseconds = Math.max(previous, delay.max / 1e6);
      return { milliseconds: Math.round(milliseconds), alive: milliseconds < HOPELESS_MS };
    },
    stop: () => {
      clearInterval(timer);
      delay.disable();
    },
  };
}
