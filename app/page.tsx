import { CircleCheck } from "lucide-react";
import { API_PATH } from "../components/api.ts";
import { Failed } from "../components/failed.tsx";
import { type PoolHealth, PoolState } from "../components/health.tsx";
import { paths } from "../components/paths.ts";
import { POOL_HEALTH_FIELDS } from "../components/pools/documents.ts";
import { CreateQueue } from "../components/queues/create-queue.tsx";
import { type QueueRow, QueueTable } from "../components/queues/queue-table.tsx";
import { Badge } from "../components/ui/badge.tsx";
import { formatCount, formatMilliseconds } from "../components/ui/format.ts";
import { Link } from "../components/ui/link.tsx";
import { PageHeader, Panel } from "../components/ui/page.tsx";
import { ShowGraphql } from "../components/ui/show-graphql.tsx";
import { StatTile, StatTiles } from "../components/ui/stat.tsx";
import { EmptyState } from "../components/ui/states.tsx";
import { Ago } from "../components/ui/time.tsx";
import { load } from "./execute.ts";
import { HEALTH_LOOK, type HealthStatus, Warnings } from "./warnings.tsx";

const OVERVIEW = /* GraphQL */ `
  query Overview {
    health {
      status
      warnings
      control {
        reachable
        seconds
      }
      pools {${POOL_HEALTH_FIELDS}
      }
      gc {
        at
        collected {
          messages
        }
      }
    }
    pools(first: 100) {
      nodes {
        name
        queueCount {
          value
          exact
        }
      }
    }
    queues(allProjects: true, sort: CREATED_AT, descending: true, first: 20) {
      count {
        value
        exact
      }
      nodes {
        project
        name
        createdAt
        stats {
          ready
          claimed
          delayed
          exhausted
          total
          exact
          oldest {
            ageSeconds
          }
        }
      }
    }
  }
`;

interface Count {
  value: number;
  exact: boolean;
}

interface Answer {
  health: {
    status: HealthStatus;
    warnings: string[];
    control: { reachable: boolean; seconds: number };
    pools: PoolHealth[];
    gc: { at: string; collected: { messages: number } } | null;
  };
  pools: { nodes: { name: string; queueCount: Count }[] };
  queues: { count: Count | null; nodes: QueueRow[] };
}

export default async function OverviewPage() {
  const loaded = await load<Answer>(OVERVIEW);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Overview" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { health, pools, queues } = loaded.data;
  const look = HEALTH_LOOK[health.status];
  const down = health.pools.filter((pool) => !pool.storageReachable).length;
  return (
    <>
      <PageHeader
        title="Overview"
        badges={<Badge tone={look.tone}>{look.label}</Badge>}
        actions={
          <>
            <ShowGraphql document={OVERVIEW} endpoint={API_PATH} />
            <CreateQueue project={null} />
          </>
        }
      />
      <div className="flex flex-col gap-4">
        <StatTiles>
          <StatTile label="Queues" value={countText(queues.count)} note="in all projects" href={paths.queues(null)} />
          <StatTile
            label="Pools"
            value={formatCount(health.pools.length)}
            tone={down > 0 ? "danger" : "neutral"}
            note={down > 0 ? `${formatCount(down)} cannot be reached` : "all reachable"}
            href={paths.pools()}
          />
          <StatTile
            label="Control database"
            value={health.control.reachable ? formatMilliseconds(health.control.seconds) : "down"}
            tone={health.control.reachable ? "neutral" : "danger"}
            note="to answer"
            href={paths.health()}
          />
          <StatTile
            label="Last collection"
            value={health.gc ? <Ago at={health.gc.at} /> : "none yet"}
            note={health.gc ? `${formatCount(health.gc.collected.messages)} messages freed` : "runs by itself"}
            href={paths.health()}
          />
        </StatTiles>
        <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
          <Panel
            title="Needs attention"
            actions={
              <Link href={paths.health()} className="text-[0.8125rem] text-accent hover:underline">
                Health
              </Link>
            }
          >
            {health.warnings.length === 0 ? (
              <p className="flex items-center gap-2 text-muted">
                <CircleCheck aria-hidden className="size-4 text-ok" />
                Nothing. Every pool does what it is asked.
              </p>
            ) : (
              <Warnings warnings={health.warnings} />
            )}
          </Panel>
          <Panel title="Pools">
            <ul className="flex flex-col gap-2">
              {health.pools.map((pool) => (
                <PoolLine
                  key={pool.pool}
                  pool={pool}
                  queues={pools.nodes.find(({ name }) => name === pool.pool)?.queueCount ?? null}
                />
              ))}
            </ul>
          </Panel>
        </div>
        <Panel title="Newest queues" flush>
          <QueueTable
            rows={queues.nodes}
            ofAll
            sortLinks={{}}
            pager={{ first: null, previous: null, next: null }}
            summary={
              <Link href={paths.queues(null)} className="text-accent hover:underline">
                All queues
              </Link>
            }
            empty={
              <EmptyState title="No queues yet" action={<CreateQueue project={null} />}>
                Make one here, or let a program make it. <code className="font-mono">npm run demo</code> fills a world
                to look at.
              </EmptyState>
            }
          />
        </Panel>
      </div>
    </>
  );
}

function PoolLine({ pool, queues }: { pool: PoolHealth; queues: Count | null }) {
  const slowest = pool.operations.reduce((most, operation) => Math.max(most, operation.seconds), 0);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Link
        href={paths.pool(pool.pool)}
        className="min-w-24 font-mono text-[0.8125rem] text-accent underline-offset-2 hover:underline"
      >
        {pool.pool}
      </Link>
      <PoolState pool={pool} />
      <span className="ml-auto text-[0.8125rem] text-muted">
        {queues ? `${countText(queues)} ${queues.value === 1 ? "queue" : "queues"}` : null}
        {pool.storageReachable ? `, slowest operation ${formatMilliseconds(slowest)}` : null}
      </span>
    </li>
  );
}

function countText(count: Count | null): string {
  return count === null ? "?" : formatCount(count.value, count.exact ? "exact" : "at-least");
}
