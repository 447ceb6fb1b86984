import { paths } from "../paths.ts";
import type { PoolStateFacts } from "../pools/fragments.ts";
import { milliseconds } from "../pools/health-states.ts";
import { PoolState } from "../pools/pool-health.tsx";
import { overSteps } from "../ui/deck/align.ts";
import type { StepState } from "../ui/deck/bar-path.ts";
import { DeckRow, DeckSection } from "../ui/deck/deck-row.tsx";
import { StepMarks } from "../ui/deck/step-marks.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { formatCount, formatDuration } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import type { OverviewPool, PoolProbes } from "./fragments.ts";

const COLUMNS =
  "grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)_minmax(0,1fr)] items-baseline gap-x-2 lg:grid-cols-[minmax(0,1.1fr)_minmax(0,1.2fr)_3.5rem_minmax(0,0.8fr)_4rem]";

/** One pool in the overview. */
export interface PoolLine {
  name: string;
  flavorName: string | null;
  queues: { value: number; exact: boolean };
  /** Null: it was registered after the last check. */
  health: PoolStateFacts | null;
  states: readonly StepState[];
  /** In the newest interval in which its probes succeeded. */
  p95Ms: number | null;
  /** Seconds in which probes found it unreachable; null when they were not read. */
  downSeconds: number | null;
}

export function poolLine(
  pool: OverviewPool,
  health: PoolStateFacts | null,
  probes: PoolProbes | undefined,
  range: TimeRange,
): PoolLine {
  const intervals = (probes?.healthHistory?.nodes ?? []).map((one) => ({
    ...one,
    from: Date.parse(one.from),
    until: Date.parse(one.until),
  }));
  const down = intervals.filter(({ unreachable }) => unreachable > 0);
  return {
    name: pool.name,
    flavorName: pool.flavorName,
    queues: pool.queueCount,
    health,
    states: overSteps(range, (at) => {
      const interval = intervals.find(({ from, until }) => from <= at && at < until);
      if (interval === undefined || interval.samples === 0) return "none";
      return interval.unreachable > 0 ? "danger" : interval.failing > 0 ? "warn" : "ok";
    }),
    p95Ms: intervals.find(({ p95Ms }) => p95Ms !== null)?.p95Ms ?? null,
    downSeconds: probes === undefined ? null : down.reduce((sum, { from, until }) => sum + (until - from) / 1000, 0),
  };
}

/** The worst first: unreachable, then degraded, then by name. */
export function worstFirst(pools: readonly OverviewPool[], health: readonly PoolStateFacts[]): OverviewPool[] {
  const badness = ({ name }: OverviewPool) => {
    const state = health.find(({ poolName }) => poolName === name);
    if (state === undefined) return 0;
    if (!state.storageReachable) return 3;
    return state.writesRefused !== null ? 2 : state.operations.some(({ succeeded }) => !succeeded) ? 1 : 0;
  };
  return pools.toSorted((a, b) => badness(b) - badness(a));
}

/** `more`: how many pools are not shown. */
export function PoolRows({ pools, more }: { pools: readonly PoolLine[]; more: number }) {
  return (
    <>
      <DeckSection
        left={
          <span className={COLUMNS}>
            <span>Pools</span>
            <span className="text-xs font-normal text-muted">state</span>
            <span className="text-right text-xs font-normal text-muted max-lg:hidden">queues</span>
            <span className="text-xs font-normal text-muted max-lg:hidden">flavor</span>
            <span className="text-right text-xs font-normal text-muted max-lg:hidden">p95</span>
          </span>
        }
        middle="probes: low = answered, hatched = an operation failed, tall = unreachable"
        right="unreachable"
      />
      {pools.map((pool) => (
        <PoolRow key={pool.name} pool={pool} />
      ))}
      {more === 0 ? null : (
        <DeckRow
          left={
            <Link href={paths.pools()} className="text-xs text-accent hover:underline">
              {formatCount(more)} more pools
            </Link>
          }
        />
      )}
    </>
  );
}

function PoolRow({ pool: { name, flavorName, queues, health, states, p95Ms, downSeconds } }: { pool: PoolLine }) {
  const down = downSeconds === null ? "—" : downSeconds > 0 ? formatDuration(downSeconds) : "never";
  return (
    <DeckRow
      left={
        <span className={COLUMNS}>
          <span className="truncate">
            <NameLink href={paths.pool(name)}>{name}</NameLink>
          </span>
          <span className="min-w-0 truncate">
            {health === null ? <span className="text-muted">not checked yet</span> : <PoolState pool={health} />}
          </span>
          <span className="text-right max-lg:hidden">
            {formatCount(queues.value, queues.exact ? "exact" : "at-least")}
          </span>
          <span className="truncate text-muted max-lg:hidden">{flavorName ?? "—"}</span>
          <span className="text-right max-lg:hidden">{p95Ms === null ? "—" : milliseconds(p95Ms)}</span>
        </span>
      }
      right={<span className={downSeconds ? undefined : "text-muted"}>{down}</span>}
    >
      <StepMarks label={`Probes of ${name}. Unreachable: ${down}.`} states={states} />
    </DeckRow>
  );
}
