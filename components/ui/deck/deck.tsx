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

export function useRange(): TimeRange {
  const range = useContext(Range);
  if (range === null) throw new Error("A row of a deck needs a <Deck>.");
  return range;
}

/** A moment that is marked over all rows, or with `until` a time. */
export interface DeckMark {
  at: number;
  until?: number | undefined;
  tone: "danger" | "warn" | "neutral";
}

const MARK_LINE = { danger: "border-danger", warn: "border-warn", neutral: "border-muted" };
const share = (position: number) => `${position * 100}%`;

/**
 * Rows that share one time column, so that what happened at one moment stands below one another. The ruler sticks under
 * the top bar. One line follows the pointer over all rows; on the ruler the left and right keys move it.
 */
export function Deck({
  label,
  range,
  title,
  fix,
  flag,
  marks = [],
  narrow = false,
  children,
}: {
  label: string;
  range: TimeRange;
  /** Left on the ruler. */
  title: ReactNode;
  /** Right on the ruler. */
  fix?: ReactNode;
  /** On the ruler, among its times. */
  flag?: ReactNode;
  marks?: readonly DeckMark[];
  /** Less room left and right of the plots. */
  narrow?: boolean;
  children: ReactNode;
}) {
  const [step, setStep] = useState<number | null>(null);
  const ruler = useRef<HTMLDivElement>(null);
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

  const left = step === null ? null : share((step + 0.5) / steps);
  return (
    <Range.Provider value={range}>
      <Step.Provider value={step}>
        <section
          aria-label={label}
          className={classes(
            "deck relative isolate min-w-0 rounded border border-line bg-surface",
            narrow && "deck-narrow",
          )}
          onPointerMove={follow}
          onPointerLeave={() => setStep(null)}
        >
          <Backdrop range={range} marks={marks} />
          <div className="deck-row deck-head sticky top-12 z-10">
            <div className="deck-left font-semibold">{title}</div>
            <div ref={ruler} className="deck-plot">
              <Ruler range={range} step={step} onKeyDown={onKeyDown} onBlur={() => setStep(null)} />
              {flag}
            </div>
            <div className="deck-right text-xs text-muted">{fix}</div>
          </div>
          {children}
          {left === null ? null : (
            <div aria-hidden className="deck-row pointer-events-none absolute inset-0 z-1">
              <div className="deck-plot col-start-2 max-md:col-start-1">
                <i className="absolute inset-y-0 border-l border-dashed border-ink-2" style={{ left }} />
              </div>
            </div>
          )}
        </section>
      </Step.Provider>
    </Range.Provider>
  );
}

/** What lies behind all plots: round times and marks. */
function Backdrop({ range, marks }: { range: TimeRange; marks: readonly DeckMark[] }) {
  return (
    <div aria-hidden className="deck-row pointer-events-none absolute inset-0 -z-1">
      <div className="deck-plot col-start-2 bg-sunken max-md:col-start-1">
        {ticksOf(range).map((tick) => (
          <i key={tick} className="absolute inset-y-0 w-px bg-line" style={{ left: share(positionOf(range, tick)) }} />
        ))}
        {marks.map(({ at, until, tone }) => (
          <i
            key={`${at} ${tone}`}
            className={classes(
              "absolute inset-y-0",
              until === undefined ? "border-l" : "fill-neutral-hatch",
              MARK_LINE[tone],
            )}
            style={{
              left: share(positionOf(range, at)),
              width: until === undefined ? undefined : share(positionOf(range, until) - positionOf(range, at)),
            }}
          />
        ))}
      </div>
    </div>
  );
}

function Ruler({
  range,
  step,
  onKeyDown,
  onBlur,
}: {
  range: TimeRange;
  step: number | null;
  onKeyDown: (event: KeyboardEvent) => void;
  onBlur: () => void;
}) {
  const { zone } = useTimeStyle();
  const steps = stepsOf(range);
  const at = step === null ? null : instantOf(range, step);
  return (
    <>
      <div
        role="slider"
        tabIndex={0}
        aria-label="Time"
        aria-valuemin={0}
        aria-valuemax={steps - 1}
        aria-valuenow={step ?? steps - 1}
        aria-valuetext={at === null ? "no time chosen" : tickText(range, at, zone)}
        onKeyDown={onKeyDown}
        onBlur={onBlur}
        className="absolute inset-0"
      />
      {ticksOf(range).map((tick) => (
        <span
          key={tick}
          aria-hidden
          className="absolute inset-y-0 -translate-x-1/2 text-xs leading-7 text-muted"
          style={{ left: share(positionOf(range, tick)) }}
        >
          {tickText(range, tick, zone)}
        </span>
      ))}
      {at === null || step === null ? null : (
        <span
          aria-hidden
          className="absolute top-1 -translate-x-1/2 rounded-sm bg-ink px-1.5 text-xs leading-5 font-semibold whitespace-nowrap text-canvas"
          style={{ left: share((step + 0.5) / steps) }}
        >
          {tickText(range, at, zone)}
        </span>
      )}
    </>
  );
}

/** Where a key moves the line to; null for other keys. */
function stepAfter(key: string, step: number | null, steps: number): number | null {
  if (key === "ArrowLeft") return Math.max(0, (step ?? steps) - 1);
  if (key === "ArrowRight") return Math.min(steps - 1, (step ?? steps - 2) + 1);
  if (key === "Home") return 0;
  return key === "End" ? steps - 1 : null;
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
