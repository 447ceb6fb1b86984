"use client";

import {
  createContext,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useContext,
  useRef,
  useState,
} from "react";
import { classes } from "../classes.ts";
import { useTimeStyle } from "../time-style.ts";
import { instantOf, positionOf, stepsOf, type TimeRange, ticksOf, tickText } from "./time-range.ts";
import { formatValue, type Unit, type Values } from "./values.ts";

/** The number of the sample under the line, and null while there is no line. */
const Step = createContext<number | null>(null);
const Range = createContext<TimeRange | null>(null);

function useRange(): TimeRange {
  const range = useContext(Range);
  if (range === null) throw new Error("A row of a deck needs a <Deck>.");
  return range;
}

/**
 * Rows that share one time column, so that what happened at one moment stands below one another. The ruler sticks under
 * the top bar. A line follows the pointer over all rows; on the ruler the left and right keys move it.
 */
export function Deck({
  label,
  range,
  title,
  fix,
  children,
}: {
  label: string;
  range: TimeRange;
  /** Left on the ruler. */
  title: ReactNode;
  /** Right on the ruler. */
  fix?: ReactNode;
  children: ReactNode;
}) {
  const [step, setStep] = useState<number | null>(null);
  const ruler = useRef<HTMLDivElement>(null);
  const { zone } = useTimeStyle();
  const steps = stepsOf(range);

  const follow = (event: PointerEvent) => {
    const box = ruler.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return;
    const position = (event.clientX - box.left) / box.width;
    setStep(position < 0 || position > 1 ? null : Math.min(steps - 1, Math.floor(position * steps)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") setStep(null);
    const next = stepAfter(event.key, step, steps);
    if (next === null) return;
    event.preventDefault();
    setStep(next);
  };

  const at = step === null ? null : instantOf(range, step);
  const left = step === null ? 0 : ((step + 0.5) / steps) * 100;
  return (
    <Range.Provider value={range}>
      <Step.Provider value={step}>
        <section
          aria-label={label}
          className="relative min-w-0 rounded border border-line bg-surface"
          onPointerMove={follow}
          onPointerLeave={() => setStep(null)}
        >
          <div className="deck-row deck-head sticky top-12 z-10">
            <div className="deck-left font-semibold">{title}</div>
            <div ref={ruler} className="deck-plot">
              <div
                role="slider"
                tabIndex={0}
                aria-label="Time"
                aria-valuemin={0}
                aria-valuemax={steps - 1}
                aria-valuenow={step ?? steps - 1}
                aria-valuetext={at === null ? "no time chosen" : tickText(range, at, zone)}
                onKeyDown={onKeyDown}
                onBlur={() => setStep(null)}
                className="absolute inset-0"
              />
              {ticksOf(range).map((tick) => (
                <span
                  key={tick}
                  aria-hidden
                  className="absolute inset-y-0 -translate-x-1/2 text-xs leading-7 text-muted"
                  style={{ left: `${positionOf(range, tick) * 100}%` }}
                >
                  {tickText(range, tick, zone)}
                </span>
              ))}
              {at === null ? null : (
                <span
                  aria-hidden
                  className="absolute top-1 -translate-x-1/2 rounded-sm bg-ink px-1.5 text-xs leading-5 font-semibold whitespace-nowrap text-canvas"
                  style={{ left: `${left}%` }}
                >
                  {tickText(range, at, zone)}
                </span>
              )}
            </div>
            <div className="deck-right text-xs text-muted">{fix}</div>
          </div>
          {children}
        </section>
      </Step.Provider>
    </Range.Provider>
  );
}

/** Where a key moves the line to; null for other keys. */
function stepAfter(key: string, step: number | null, steps: number): number | null {
  if (key === "ArrowLeft") return Math.max(0, (step ?? steps) - 1);
  if (key === "ArrowRight") return Math.min(steps - 1, (step ?? steps - 2) + 1);
  if (key === "Home") return 0;
  return key === "End" ? steps - 1 : null;
}

/** A row: `left` says what, the plot when, `right` what is now or what fixes it. */
export function DeckRow({
  left,
  right,
  children,
  height = "h-8",
}: {
  left: ReactNode;
  right?: ReactNode;
  /** The plot. */
  children?: ReactNode;
  height?: string;
}) {
  const range = useRange();
  const step = useContext(Step);
  return (
    <div className="deck-row">
      <div className="deck-left">{left}</div>
      <div className={classes("deck-plot", children === undefined ? "max-md:hidden" : height)}>
        {ticksOf(range).map((tick) => (
          <i
            key={tick}
            aria-hidden
            className="absolute inset-y-0 w-px bg-line"
            style={{ left: `${positionOf(range, tick) * 100}%` }}
          />
        ))}
        {children}
        {step === null ? null : (
          <i
            aria-hidden
            className="pointer-events-none absolute inset-y-0 z-1 border-l border-dashed border-muted"
            style={{ left: `${((step + 0.5) / stepsOf(range)) * 100}%` }}
          />
        )}
      </div>
      <div className="deck-right">{right}</div>
    </div>
  );
}

/** A row that names the rows below it. */
export function DeckSection({ left, middle, right }: { left: ReactNode; middle?: ReactNode; right?: ReactNode }) {
  return (
    <div className="deck-row deck-head">
      <div className="deck-left font-semibold">{left}</div>
      <div className="deck-plot flex items-center px-2 text-xs text-muted max-md:hidden">{middle}</div>
      <div className="deck-right text-xs text-muted">{right}</div>
    </div>
  );
}

/** What a chart's values are under the line. */
export function Readout({ series, unit }: { series: readonly { label: string; values: Values }[]; unit: Unit }) {
  const step = useContext(Step);
  const range = useRange();
  if (step === null) return null;
  const text = series.map(({ label, values }) => `${label} ${formatValue(values[step] ?? null, unit)}`).join(" · ");
  const left = ((step + 0.5) / stepsOf(range)) * 100;
  return (
    <span
      aria-hidden
      className={classes(
        "pointer-events-none absolute bottom-1 z-2 rounded-sm border border-line bg-surface px-1.5 text-xs leading-[1.125rem] whitespace-nowrap",
        left > 50 ? "mr-1.5 -translate-x-full" : "ml-1.5",
      )}
      style={{ left: `${left}%` }}
    >
      {text}
    </span>
  );
}
