/** Paths of bars: small enough for the browser. A step is one wide, and zero is at the bottom, at `BARS_HEIGHT`. */
import type { Values } from "./values.ts";

export type StepState = "ok" | "warn" | "danger" | "none";

export const BARS_HEIGHT = 100;
/** A lower bar would not be seen. */
const LEAST = 6;
/** The height repeats what the colour shows: low when all is well. */
const STATE_HEIGHT: Record<StepState, number> = { ok: 26, warn: 60, danger: 92, none: 4 };

const bar = (from: number, width: number, height: number) => `M${from} ${BARS_HEIGHT}v${-height}h${width}v${height}Z`;

/** `most`: the value of the highest bar. Nothing and the unknown have no bar. */
export function barsPath(values: Values, most: number): string {
  return values
    .map((value, step) =>
      value === null || value <= 0
        ? ""
        : bar(step + 0.1, 0.8, Math.max(LEAST, Math.round((value / Math.max(1, most)) * BARS_HEIGHT))),
    )
    .join("");
}

/** The marks of the steps that are in `state`. What works badly is hatched: two thin bars. */
export function statePath(states: readonly StepState[], state: StepState): string {
  const height = STATE_HEIGHT[state];
  return states
    .map((one, step) => {
      if (one !== state) return "";
      return state === "warn"
        ? bar(step + 0.1, 0.3, height) + bar(step + 0.6, 0.3, height)
        : bar(step + 0.1, 0.8, height);
    })
    .join("");
}
