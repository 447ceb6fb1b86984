import { BARS_HEIGHT, type StepState, statePath } from "./bar-path.ts";

const FILL: Record<StepState, string> = {
  ok: "fill-muted opacity-60",
  warn: "fill-warn",
  danger: "fill-danger",
  none: "fill-line-strong",
};
const STATES = ["none", "ok", "warn", "danger"] as const;

/** One mark for each step of a deck's time. `label` says the same in words; a table with the states belongs to it. */
export function StepMarks({ label, states }: { label: string; states: readonly StepState[] }) {
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${Math.max(1, states.length)} ${BARS_HEIGHT}`}
      preserveAspectRatio="none"
      className="absolute inset-x-0 inset-y-0.5 h-[calc(100%-0.25rem)] w-full"
    >
      {STATES.map((state) => (
        <path key={state} d={statePath(states, state)} className={FILL[state]} />
      ))}
    </svg>
  );
}
