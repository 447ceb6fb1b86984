import { FilterBar, FilterSelect } from "../ui/filter-bar.tsx";
import { Panel } from "../ui/page.tsx";
import type { HealthInterval, PoolHistoryNode, Sampling } from "./fragments.ts";
import { OPERATIONS, operationLabel } from "./operations.ts";
import { Timeline } from "./timeline.tsx";

/** Each range has at most as many steps as a page has rows. */
export const HISTORY_RANGES = {
  hour: { label: "1 hour", stepSeconds: 60, steps: 60 },
  quarter: { label: "6 hours", stepSeconds: 300, steps: 72 },
  day: { label: "1 day", stepSeconds: 900, steps: 96 },
};
type Range = (typeof HISTORY_RANGES)[keyof typeof HISTORY_RANGES];

/** When a range that ends now begins, in milliseconds: a multiple of its steps, as the API has them. */
export function startOf({ stepSeconds, steps }: Range, now: number): number {
  const stepMs = stepSeconds * 1000;
  return Math.floor(now / stepMs) * stepMs - (steps - 1) * stepMs;
}

/** A pool's health over `range`, from `since` on. `operation` undefined: of all operations together. */
export function PoolHistory({
  pool,
  nodes,
  sampling,
  range,
  since,
  operation,
}: {
  pool: string;
  /** Steps without samples are left out. */
  nodes: PoolHistoryNode[];
  sampling: Sampling;
  range: Range;
  since: number;
  operation: string | undefined;
}) {
  const stepMs = range.stepSeconds * 1000;
  const found = new Map(nodes.map((node) => [Date.parse(node.from), node]));
  const intervals = Array.from({ length: range.steps }, (_, step): HealthInterval => {
    const from = since + step * stepMs;
    const node = found.get(from) ?? withoutSamples(from, from + stepMs);
    return operation === undefined ? node : ofOperation(node, operation);
  });
  return (
    <Panel title="Health over time" flush>
      <FilterBar>
        <FilterSelect
          param="range"
          label="Last"
          value="hour"
          choices={Object.entries(HISTORY_RANGES).map(([value, { label }]) => ({ value, label }))}
          forget={[]}
        />
        <FilterSelect
          param="operation"
          label="Operation"
          all="All operations"
          choices={OPERATIONS.map((value) => ({ value, label: operationLabel(value) }))}
          forget={[]}
        />
      </FilterBar>
      <Timeline
        pool={pool}
        what={operation === undefined ? "All operations" : operationLabel(operation)}
        intervals={intervals}
        sampling={sampling}
      />
    </Panel>
  );
}

function withoutSamples(from: number, until: number): PoolHistoryNode {
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    ...{ lastAt: null, samples: 0, unreachable: 0, failing: 0, errorCode: null, p50Ms: null, p95Ms: null },
  };
}

/** The interval of one operation: `failing` counts its own failures. Samples of an unreachable pool count as before. */
function ofOperation({ operations = [], ...node }: PoolHistoryNode, operation: string): HealthInterval {
  const own = operations.find((one) => one.operation === operation);
  return {
    ...node,
    failing: own === undefined ? node.failing : own.failed,
    errorCode: own?.errorCode ?? node.errorCode,
    p50Ms: own?.p50Ms ?? null,
    p95Ms: own?.p95Ms ?? null,
  };
}
