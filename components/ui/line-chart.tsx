import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { ReactNode } from "react";

export interface ChartLine {
  label: string;
  /** The second line is dashed, so that the two differ in more than colour. */
  look: "plain" | "dashed";
  /** One value a step; null leaves a gap. */
  values: (number | null)[];
}

const STROKE: Record<ChartLine["look"], { className: string; dashes?: string }> = {
  plain: { className: "stroke-ink" },
  dashed: { className: "stroke-muted", dashes: "5 3" },
};

const HEIGHT = 100;

/**
 * Drawn by the server: the library that computes it never reaches a browser.
 *
 * Values over steps of equal length, from zero up. The drawing fills the width; labels stand beside it, so that they
 * are not stretched. For screen readers it is one image: put a table with the same numbers below.
 */
export function LineChart({
  label,
  lines,
  from,
  until,
  format,
  above,
}: {
  label: string;
  lines: ChartLine[];
  from: ReactNode;
  until: ReactNode;
  format: (value: number) => string;
  /** Drawn above it over the same time, such as a strip. */
  above?: ReactNode;
}) {
  const steps = Math.max(0, ...lines.map(({ values }) => values.length));
  const highest = Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const scale = scaleLinear()
    .domain([0, highest === 0 ? 1 : highest])
    .nice(3)
    .range([HEIGHT, 0]);
  const ticks = scale.ticks(3);
  const path = line<number | null>()
    .defined((value) => value !== null)
    .x((_value, step) => step + 0.5)
    .y((value) => scale(value ?? 0));
  // A value between two gaps has no neighbour to connect to.
  const alone = (values: ChartLine["values"]) =>
    values.map((value, step) =>
      value !== null && (values[step - 1] ?? null) === null && (values[step + 1] ?? null) === null
        ? `M${step + 0.2} ${scale(value)}h0.6`
        : "",
    );
  return (
    <div className="grid grid-cols-[auto_1fr] gap-x-2 gap-y-2 text-xs text-muted">
      {above === undefined ? null : (
        <>
          <span />
          {above}
        </>
      )}
      {/* Keeps the column as wide as its widest label. */}
      <div aria-hidden className="relative h-32 text-right">
        <span className="invisible">{ticks.map(format).reduce((a, b) => (b.length > a.length ? b : a), "")}</span>
        {ticks.map((tick) => (
          <span
            key={tick}
            className="absolute right-0 -translate-y-1/2 whitespace-nowrap"
            style={{ top: `${(100 * scale(tick)) / HEIGHT}%` }}
          >
            {format(tick)}
          </span>
        ))}
      </div>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${Math.max(1, steps)} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="h-32 w-full min-w-0 overflow-visible"
      >
        {ticks.map((tick) => (
          <line
            key={tick}
            x1={0}
            x2={steps}
            y1={scale(tick)}
            y2={scale(tick)}
            vectorEffect="non-scaling-stroke"
            className="stroke-line"
          />
        ))}
        {lines.map(({ label: name, look, values }) => (
          <path
            key={name}
            d={`${path(values) ?? ""}${alone(values).join("")}`}
            fill="none"
            strokeWidth={1.5}
            strokeLinecap="round"
            strokeLinejoin="round"
            strokeDasharray={STROKE[look].dashes}
            vectorEffect="non-scaling-stroke"
            className={STROKE[look].className}
          />
        ))}
      </svg>
      <span />
      <div className="flex flex-wrap justify-between gap-x-4">
        <span>{from}</span>
        <Legend lines={lines} />
        <span>{until}</span>
      </div>
    </div>
  );
}

/** The name of each line beside a piece of it. */
function Legend({ lines }: { lines: ChartLine[] }) {
  return (
    <ul className="flex gap-x-4">
      {lines.map(({ label: name, look }) => (
        <li key={name} className="flex items-center gap-1.5">
          <svg aria-hidden="true" viewBox="0 0 20 2" className="h-0.5 w-5 overflow-visible">
            <path
              d="M0 1h20"
              strokeWidth={2}
              strokeDasharray={STROKE[look].dashes}
              className={STROKE[look].className}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

/** The numbers of a chart as a table that can be opened. */
export function TableTwin({ children }: { children: ReactNode }) {
  return (
    <details className="border-t border-line">
      <summary className="px-4 py-2 text-xs text-muted hover:text-ink">As a table</summary>
      {children}
    </details>
  );
}
