import { Failed } from "../components/failed.tsx";
import { INTERVAL_FIELDS } from "../components/pools/documents.ts";
import { OPERATIONS, operationLabel } from "../components/pools/operations.ts";
import { type HealthInterval, type Sampling, Timeline } from "../components/pools/timeline.tsx";
import { FilterBar, FilterSelect } from "../components/ui/filter-bar.tsx";
import { Panel } from "../components/ui/page.tsx";
import { chosen, one, type Search } from "./address.ts";
import { load, requestTime } from "./execute.ts";

const HISTORY = /* GraphQL */ `
  query PoolHistory($name: String!, $since: DateTime, $stepSeconds: SafeInt, $byOperation: Boolean!) {
    pool(name: $name) {
      healthHistory(since: $since, stepSeconds: $stepSeconds, first: 100) {
        nodes {${INTERVAL_FIELDS}
          operations @include(if: $byOperation) {
            operation
            failed
            errorCode
            p50Ms
            p95Ms
          }
        }
      }
    }
    healthSampling {
      everySeconds
      lastAt
      nextAt
    }
  }
`;

type Node = HealthInterval & {
  operations?: ({ operation: string; failed: number } & Pick<HealthInterval, "errorCode" | "p50Ms" | "p95Ms">)[];
};

interface Answer {
  pool: { healthHistory: { nodes: Node[] } } | null;
  healthSampling: Sampling;
}

/** Steps are as many as a page has rows, at most. */
const RANGES = {
  hour: { label: "1 hour", stepSeconds: 60, steps: 60 },
  quarter: { label: "6 hours", stepSeconds: 300, steps: 72 },
  day: { label: "1 day", stepSeconds: 900, steps: 96 },
};

/** How a pool was; the address says how far back, and which operation. */
export async function PoolHistory({ pool, search }: { pool: string; search: Search }) {
  const range = chosen(search, "range", RANGES) ?? RANGES.hour;
  const operation = OPERATIONS.find((name) => name === one(search, "operation"));
  const stepMs = range.stepSeconds * 1000;
  const since = Math.floor(requestTime() / stepMs) * stepMs - (range.steps - 1) * stepMs;
  const loaded = await load<Answer>(HISTORY, {
    name: pool,
    since: new Date(since).toISOString(),
    stepSeconds: range.stepSeconds,
    byOperation: operation !== undefined,
  });
  if (!loaded.ok) return <Failed error={loaded.error} />;
  const found = new Map(loaded.data.pool?.healthHistory.nodes.map((node) => [Date.parse(node.from), node]));
  const intervals = Array.from({ length: range.steps }, (_, step): HealthInterval => {
    const from = since + step * stepMs;
    const node = found.get(from) ?? untried(from, from + stepMs);
    return operation === undefined ? node : narrowed(node, operation);
  });
  return (
    <Panel title="Health over time" flush>
      <FilterBar>
        <FilterSelect
          param="range"
          label="Last"
          value="hour"
          choices={Object.entries(RANGES).map(([value, { label }]) => ({ value, label }))}
          forget={[]}
        />
        <FilterSelect
          param="operation"
          label="Operation"
          all="All together"
          choices={OPERATIONS.map((value) => ({ value, label: operationLabel(value) }))}
          forget={[]}
        />
      </FilterBar>
      <Timeline
        pool={pool}
        what={operation === undefined ? "All operations" : operationLabel(operation)}
        intervals={intervals}
        sampling={loaded.data.healthSampling}
      />
    </Panel>
  );
}

function untried(from: number, until: number): Node {
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    ...{ lastAt: null, samples: 0, unreachable: 0, failing: 0, errorCode: null, p50Ms: null, p95Ms: null },
  };
}

/** The same of one operation. Its failures are counted while the pool can be reached; when it cannot, that counts as before. */
function narrowed({ operations = [], ...node }: Node, operation: string): HealthInterval {
  const own = operations.find((one) => one.operation === operation);
  return {
    ...node,
    failing: own === undefined ? node.failing : own.failed,
    errorCode: own?.errorCode ?? node.errorCode,
    p50Ms: own?.p50Ms ?? null,
    p95Ms: own?.p95Ms ?? null,
  };
}
