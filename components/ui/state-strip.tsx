import { classes } from "./classes.ts";

export interface StripStep {
  key: string;
  state: "ok" | "warn" | "danger" | "none";
  title: string;
}

/** The height repeats what the colour shows: low when all is well, which has no colour. */
const FILL: Record<StripStep["state"], string> = {
  ok: "h-1/4 bg-muted/60",
  warn: "h-2/3 fill-warn-hatch",
  danger: "h-full bg-danger",
  none: "h-px bg-line-strong",
};

/**
 * One mark a step of time, for the state in it. `label` says the same in words. Put a table with the states below, or a
 * number beside it.
 */
export function StateStrip({ label, steps, small = false }: { label: string; steps: StripStep[]; small?: boolean }) {
  return (
    <div
      role="img"
      aria-label={label}
      className={classes("flex items-end gap-px overflow-hidden", small ? "h-4 w-24" : "h-6 w-full")}
    >
      {steps.map(({ key, state, title }) => (
        <span key={key} title={title} className={classes("min-w-0 flex-1 rounded-[1px]", FILL[state])} />
      ))}
    </div>
  );
}
