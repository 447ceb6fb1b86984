"use client";

import { formatUtc } from "../ui/format.ts";
import { LineChart, StateStrip, type StripStep, TableTwin } from "../ui/line-chart.tsx";
import { EmptyState } from "../ui/states.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";

/** What a pool's samples in a stretch of time say together. */
export interface HealthInterval {
  from: string;
  until: string;
  /** Of the newest sample. */
  lastAt: string | null;
  samples: number;
  unreachable: number;
  failing: number;
  errorCode: string | null;
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface Sampling {
  /** Null: none are taken. */
  everySeconds: number | null;
  lastAt: string | null;
  nextAt: string | null;
}

function stateOf({ samples, unreachable, failing }: HourStep): StripStep["state"] {
  if (samples === 0) return "none";
  return unreachable > 0 ? "danger" : failing > 0 ? "warn" : "ok";
}

function stateText(interval: HourStep): string {
  const { samples, unreachable, failing, errorCode } = interval;
  const of = samples === 1 ? "" : ` in ${unreachable > 0 ? unreachable : failing} of ${samples}`;
  const code = errorCode === null ? "" : ` (${errorCode})`;
  const texts = {
    none: "not tried",
    ok: "works",
    warn: `operations failed${of}${code}`,
    danger: `could not be reached${of}${code}`,
  };
  return texts[stateOf(interval)];
}

/** Of all samples, those in which everything worked; null without any. */
function wellShare(intervals: HourStep[]): number | null {
  const samples = intervals.reduce((sum, one) => sum + one.samples, 0);
  const bad = intervals.reduce((sum, one) => sum + one.unreachable + one.failing, 0);
  return samples === 0 ? null : (samples - bad) / samples;
}

/** 1 -> "100 %"; never rounded up to it. */
function percent(share: number): string {
  if (share === 0) return "0 %";
  return share === 1 ? "100 %" : `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
}

/** "08:05" in UTC. */
const clock = (iso: string) => iso.slice(11, 16);
const milliseconds = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`);

function stripOf(intervals: HourStep[]): StripStep[] {
  return intervals.map((one) => ({
    key: one.from,
    state: stateOf(one),
    title: `${clock(one.from)} to ${clock(one.until)} UTC: ${stateText(one)}`,
  }));
}

/** What the strip of an hour needs. */
export type HourStep = Omit<HealthInterval, "lastAt" | "p50Ms" | "p95Ms">;

/** A line's worth of the last hour: how often everything worked, and when it did not. */
export function LastHour({ pool, intervals }: { pool: string; intervals: HourStep[] }) {
  const share = wellShare(intervals);
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
  column<HealthInterval>("samples", "Tries", (row) => row.samples, { align: "right", wide: true }),
  column<HealthInterval>("p50", "p50", (row) => (row.p50Ms === null ? "" : milliseconds(row.p50Ms)), {
    align: "right",
  }),
  column<HealthInterval>("p95", "p95", (row) => (row.p95Ms === null ? "" : milliseconds(row.p95Ms)), {
    align: "right",
  }),
];

/** How a pool was over time: whether it worked, and how long it took. `what` is tried: one operation, or all of them together. */
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
  const share = wellShare(intervals);
  const [first, last, newest] = [intervals[0], intervals.at(-1), tried.at(-1)];
  if (share === null || first === undefined || last === undefined || newest === undefined) {
    return <NoSamples sampling={sampling} />;
  }
  const about = `${what} of pool ${pool} from ${formatUtc(first.from)} to ${formatUtc(last.until)}`;
  const newestTime = tried.findLast(({ p50Ms }) => p50Ms !== null);
  const strip = (
    <StateStrip label={`State: ${about}. Worked in ${percent(share)} of the tries.`} steps={stripOf(intervals)} />
  );
  return (
    <>
      <div className="flex flex-col gap-3 p-4">
        <p className="flex flex-wrap justify-between gap-x-4 text-[0.8125rem] text-muted">
          <span>
            Worked in <span className="font-medium text-ink">{percent(share)}</span> of{" "}
            {tried.reduce((sum, { samples }) => sum + samples, 0)} tries
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
            <p className="text-[0.8125rem] text-muted">Nothing succeeded in this time, so there is nothing to time.</p>
          </>
        ) : (
          <LineChart
            above={strip}
            label={`Time taken: ${about}. The newest: p50 ${milliseconds(newestTime.p50Ms ?? 0)}, p95 ${milliseconds(newestTime.p95Ms ?? 0)}.`}
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
    return <EmptyState title="No samples are taken">HEALTH_INTERVAL is 0. Set it to a number of seconds.</EmptyState>;
  }
  return (
    <EmptyState title={lastAt === null ? "No samples yet" : "No samples of this time"}>
      {nextAt === null ? (
        `The first ones come a few seconds after the start, then every ${everySeconds} s.`
      ) : (
        <>
          Every pool is tried each {everySeconds} s; the next samples are due <Ago at={nextAt} />.
        </>
      )}
    </EmptyState>
  );
}
