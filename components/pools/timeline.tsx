"use client";

import { formatUtc } from "../ui/format.ts";
import { LineChart, StateStrip, type StripStep, TableTwin } from "../ui/line-chart.tsx";
import { EmptyState } from "../ui/states.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import type { HealthInterval, HealthStep, Sampling } from "./fragments.ts";

function stateOf({ samples, unreachable, failing }: HealthStep): StripStep["state"] {
  if (samples === 0) return "none";
  return unreachable > 0 ? "danger" : failing > 0 ? "warn" : "ok";
}

function stateText(interval: HealthStep): string {
  const { samples, unreachable, failing, errorCode } = interval;
  const of = samples === 1 ? "" : ` in ${unreachable > 0 ? unreachable : failing} of ${samples}`;
  const code = errorCode === null ? "" : ` (${errorCode})`;
  const texts = {
    none: "no samples",
    ok: "healthy",
    warn: `degraded: operations failed${of}${code}`,
    danger: `unreachable${of}${code}`,
  };
  return texts[stateOf(interval)];
}

/** Share of the samples in which every operation succeeded; null without samples. */
function healthyShare(intervals: HealthStep[]): number | null {
  const samples = intervals.reduce((sum, one) => sum + one.samples, 0);
  const bad = intervals.reduce((sum, one) => sum + one.unreachable + one.failing, 0);
  return samples === 0 ? null : (samples - bad) / samples;
}

/** 1 -> "100 %", and nothing less: the percentage is rounded down. */
function percent(share: number): string {
  if (share === 0) return "0 %";
  return share === 1 ? "100 %" : `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
}

/** "08:05" in UTC. */
const clock = (iso: string) => iso.slice(11, 16);
const milliseconds = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`);

function stripOf(intervals: HealthStep[]): StripStep[] {
  return intervals.map((one) => ({
    key: one.from,
    state: stateOf(one),
    title: `${clock(one.from)} to ${clock(one.until)} UTC: ${stateText(one)}`,
  }));
}

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

const COLUMNS = [
  column<HealthInterval>("time", "UTC", (row) => (
    <time dateTime={row.from} title={formatUtc(row.from)}>{`${clock(row.from)} to ${clock(row.until)}`}</time>
  )),
  column<HealthInterval>(
    "state",
    "State",
    (row) => <span className={stateOf(row) === "ok" ? undefined : "text-danger"}>{stateText(row)}</span>,
    { grow: true },
  ),
  column<HealthInterval>("samples", "Samples", (row) => row.samples, { align: "right", wide: true }),
  column<HealthInterval>("p50", "p50", (row) => (row.p50Ms === null ? "" : milliseconds(row.p50Ms)), {
    align: "right",
  }),
  column<HealthInterval>("p95", "p95", (row) => (row.p95Ms === null ? "" : milliseconds(row.p95Ms)), {
    align: "right",
  }),
];

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
        <p className="flex flex-wrap justify-between gap-x-4 text-[0.8125rem] text-muted">
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
            <p className="text-[0.8125rem] text-muted">No operation succeeded, so there are no times.</p>
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
        <DataTable
          label={`${what} of pool ${pool} over time`}
          columns={COLUMNS}
          rows={tried.toReversed()}
          rowKey={(row) => row.from}
        />
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
