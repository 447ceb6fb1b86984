import { formatUtc } from "../ui/format.ts";
import { LineChart, TableTwin } from "../ui/line-chart.tsx";
import { StateStrip } from "../ui/state-strip.tsx";
import { EmptyState } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import type { HealthInterval, Sampling } from "./fragments.ts";
import { clock, healthyShare, milliseconds, percent, stripOf } from "./health-states.ts";
import { TimelineTable } from "./timeline-table.tsx";

/** A pool's state and times over some hours. `what` was sampled: one operation, or all of them together. */
export function Timeline({
  pool,
  what,
  intervals,
  sampling,
}: {
  pool: string;
  what: string;
  /** Oldest first, without gaps. */
  intervals: HealthInterval[];
  sampling: Sampling;
}) {
  const tried = intervals.filter(({ samples }) => samples > 0);
  const share = healthyShare(intervals);
  const [first, last, newest] = [intervals[0], intervals.at(-1), tried.at(-1)];
  if (share === null || first === undefined || last === undefined || newest === undefined) {
    return <NoSamples sampling={sampling} />;
  }
  const about = `${what} of pool ${pool} from ${formatUtc(first.from)} to ${formatUtc(last.until)}`;
  const newestTime = tried.findLast(({ p50Ms }) => p50Ms !== null);
  const strip = (
    <StateStrip label={`State: ${about}. Healthy in ${percent(share)} of the samples.`} steps={stripOf(intervals)} />
  );
  return (
    <>
      <div className="flex flex-col gap-3 p-4">
        <p className="flex flex-wrap justify-between gap-x-4 text-xs text-muted">
          <span>
            Healthy in <span className="font-medium text-ink">{percent(share)}</span> of{" "}
            {tried.reduce((sum, { samples }) => sum + samples, 0)} samples
          </span>
          {newest.lastAt === null ? null : (
            <span>
              as of <Ago at={newest.lastAt} />
            </span>
          )}
        </p>
        {newestTime === undefined ? (
          <>
            {strip}
            <p className="text-xs text-muted">No operation succeeded, so there are no times.</p>
          </>
        ) : (
          <LineChart
            above={strip}
            label={`Time: ${about}. Newest: p50 ${milliseconds(newestTime.p50Ms ?? 0)}, p95 ${milliseconds(newestTime.p95Ms ?? 0)}.`}
            lines={[
              { label: "p50", look: "plain", values: intervals.map(({ p50Ms }) => p50Ms) },
              { label: "p95", look: "dashed", values: intervals.map(({ p95Ms }) => p95Ms) },
            ]}
            from={`${clock(first.from)} UTC`}
            until={`${clock(last.until)} UTC`}
            format={(value) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`)}
          />
        )}
      </div>
      <TableTwin>
        <TimelineTable label={`${what} of pool ${pool} over time`} rows={tried.toReversed()} />
      </TableTwin>
    </>
  );
}

function NoSamples({ sampling: { everySeconds, lastAt, nextAt } }: { sampling: Sampling }) {
  if (everySeconds === null) {
    return <EmptyState title="Sampling is off">HEALTH_INTERVAL is 0. Set it to a number of seconds.</EmptyState>;
  }
  return (
    <EmptyState title={lastAt === null ? "No samples yet" : "No samples in this range"}>
      {nextAt === null ? (
        `The first comes a few seconds after the start, then one every ${everySeconds} s.`
      ) : (
        <>
          A sample is taken every {everySeconds} s. Next: <Ago at={nextAt} />.
        </>
      )}
    </EmptyState>
  );
}
