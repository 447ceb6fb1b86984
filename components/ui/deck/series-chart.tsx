import { Readout } from "./deck.tsx";
import { areaPath, excessPath, linePath, niceMost } from "./series-path.ts";
import { formatValue, type Unit, type Values } from "./values.ts";

export interface Series {
  label: string;
  values: Values;
  /** Posted is solid, claimed dashed, deleted dotted: the lines differ in more than colour. */
  look: "solid" | "dashed" | "dotted" | "area";
  tone: "ready" | "claimed" | "delayed" | "ink";
}

const HEIGHT = 100;
const STROKE = { ready: "stroke-ready", claimed: "stroke-claimed", delayed: "stroke-delayed", ink: "stroke-ink" };
const FILL = { ready: "fill-ready", claimed: "fill-claimed", delayed: "fill-delayed", ink: "fill-ink" };
const DASHES = { solid: undefined, area: undefined, dashed: "6 3", dotted: "2 2" };

/**
 * Values over the time of a deck's row, from zero up. For screen readers it is one image that `label` describes: put a
 * table with the same numbers on the page.
 */
export function SeriesChart({
  label,
  series,
  unit,
  excess,
  limit,
  scale = true,
}: {
  label: string;
  series: readonly Series[];
  unit: Unit;
  /** Fills the area between two series where the first is above the second: a backlog that grows. */
  excess?: readonly [upper: Values, lower: Values];
  limit?: { value: number; label: string };
  /** False: the row is too low for it, and its shape is enough. */
  scale?: boolean;
}) {
  const most = niceMost(...series.map(({ values }) => values), [limit?.value ?? null]);
  const steps = Math.max(1, ...series.map(({ values }) => values.length));
  return (
    <>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${steps} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="absolute inset-x-0 inset-y-1 h-[calc(100%-0.5rem)] w-full overflow-visible"
      >
        {excess === undefined ? null : (
          <path d={excessPath(...excess, most, HEIGHT)} className="fill-warn opacity-30" />
        )}
        {series.map(({ label: name, values, look, tone }) => (
          <g key={name}>
            {look === "area" ? (
              <path d={areaPath(values, most, HEIGHT)} className={`${FILL[tone]} opacity-20`} />
            ) : null}
            <path
              d={linePath(values, most, HEIGHT)}
              fill="none"
              strokeWidth={1.5}
              strokeLinejoin="round"
              strokeDasharray={DASHES[look]}
              vectorEffect="non-scaling-stroke"
              className={STROKE[tone]}
            />
          </g>
        ))}
        {limit === undefined ? null : (
          <path
            d={`M0 ${HEIGHT - (limit.value / most) * HEIGHT}H${steps}`}
            strokeDasharray="4 3"
            vectorEffect="non-scaling-stroke"
            className="stroke-warn"
          />
        )}
      </svg>
      {scale ? (
        <span aria-hidden className="absolute top-0.5 left-1.5 text-[0.6875rem] leading-[0.875rem] text-muted">
          {limit === undefined ? `0 to ${formatValue(most, unit)}` : limit.label}
        </span>
      ) : null}
      <Readout series={series.map(({ label: name, values }) => ({ label: name, values }))} unit={unit} />
    </>
  );
}

/** A piece of a line, beside its name. */
export function LineSample({ look }: { look: "solid" | "dashed" | "dotted" }) {
  const tone = { solid: "ready", dashed: "claimed", dotted: "ink" } as const;
  return (
    <svg aria-hidden="true" viewBox="0 0 18 8" className="h-2 w-4.5 shrink-0">
      <path d="M0 4h18" strokeWidth={2} strokeDasharray={DASHES[look]} className={STROKE[tone[look]]} />
    </svg>
  );
}
