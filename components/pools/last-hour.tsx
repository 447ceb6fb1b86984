import { StateStrip } from "../ui/state-strip.tsx";
import type { HealthStep } from "./fragments.ts";
import { healthyShare, percent, stripOf } from "./health-states.ts";

/** The last hour in one line: when the pool was not healthy, and the share of samples in which it was. */
export function LastHour({ pool, intervals }: { pool: string; intervals: HealthStep[] }) {
  const share = healthyShare(intervals);
  if (share === null) return <span className="text-muted">no samples yet</span>;
  return (
    <span className="flex items-center gap-2">
      <StateStrip small label={`Pool ${pool} in the last hour, in steps of five minutes`} steps={stripOf(intervals)} />
      <span className={share === 1 ? undefined : "text-danger"}>{percent(share)}</span>
    </span>
  );
}
