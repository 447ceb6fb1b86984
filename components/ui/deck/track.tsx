import { Age } from "../time.tsx";
import { BARS_HEIGHT, barsPath } from "./bar-path.ts";
import { positionOf, type TimeRange } from "./time-range.ts";
import type { Values } from "./values.ts";

/** What one of several did in each step, as bars. A gap is a stop. `most` is the highest bar of all tracks. */
export function Track({
  range,
  label,
  values,
  most,
  stoppedAt = null,
}: {
  range: TimeRange;
  label: string;
  values: Values;
  most: number;
  stoppedAt?: string | null;
}) {
  const end = stoppedAt === null ? null : positionOf(range, Date.parse(stoppedAt));
  return (
    <>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${Math.max(1, values.length)} ${BARS_HEIGHT}`}
        preserveAspectRatio="none"
        className="absolute inset-x-0 inset-y-0.5 h-[calc(100%-0.25rem)] w-full"
      >
        <path d={barsPath(values, most)} className="fill-claimed" />
      </svg>
      {end === null || stoppedAt === null ? null : (
        <span
          className="absolute inset-y-0 flex items-center px-2 text-xs whitespace-nowrap text-muted"
          style={end > 0.8 ? { right: `${(1 - end) * 100}%` } : { left: `${end * 100}%` }}
        >
          <span className={end > 0.8 ? "rounded-sm bg-sunken px-1" : undefined}>
            <Age since={stoppedAt} />
          </span>
        </span>
      )}
    </>
  );
}
