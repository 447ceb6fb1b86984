import type { ResultOf } from "gql.tada";
import { Failed } from "../components/failed.tsx";
import { textOf } from "../components/graphql.ts";
import { HEALTH_LOOK, Warnings } from "../components/health/warnings.tsx";
import { PageQuery } from "../components/page-query.tsx";
import { paths } from "../components/paths.ts";
import type { PoolHealth } from "../components/pools/fragments.ts";
import { PoolState } from "../components/pools/pool-health.tsx";
import { BusiestQueues } from "../components/queues/busiest-queues.tsx";
import { CreateQueue } from "../components/queues/create-queue.tsx";
import { QueueTable } from "../components/queues/queue-table.tsx";
import { Badge } from "../components/ui/badge.tsx";
import { formatCount, formatMilliseconds } from "../components/ui/format.ts";
import { Glyph } from "../components/ui/glyph.tsx";
import { Link } from "../components/ui/link.tsx";
import { PageHeader, Panel } from "../components/ui/page.tsx";
import { StatTile, StatTiles } from "../components/ui/stat.tsx";
import { EmptyState } from "../components/ui/states.tsx";
import { Ago } from "../components/ui/time.tsx";
import { OVERVIEW } from "./documents.ts";
import { load } from "./execute.ts";

type Health = NonNullable<ResultOf<typeof OVERVIEW>["health"]>;

interface Count {
  value: number;
  exact: boolean;
}

export default async function OverviewPage() {
  const loaded = await load(OVERVIEW, {}, ["busiest"]);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Overview" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { health, pools, queues, busiest } = loaded.data;
  const look = HEALTH_LOOK[health.status];
  return (
    <>
      <PageHeader
        title="Overview"
        badges={<Badge tone={look.tone}>{look.label}</Badge>}
        actions={
          <>
            <PageQuery document={textOf(OVERVIEW)} />
            <CreateQueue project={null} />
          </>
        }
      />
      <div className="flex flex-col gap-4">
        <Tiles health={health} queues={queues.count} />
        <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
          <Panel
            title="Needs attention"
            actions={
              <Link href={paths.health()} className="text-xs text-accent hover:underline">
                Health
              </Link>
            }
          >
            {health.warnings.length === 0 ? (
              <p className="flex items-center gap-2 text-muted">
                <Glyph shape="check" ink="ok" />
                Nothing. All pools are healthy.
              </p>
            ) : (
              <Warnings warnings={health.warnings} />
            )}
          </Panel>
          <Panel title="Pools">
            <ul className="flex flex-col gap-2">
              {health.pools.map((pool) => (
                <PoolLine
                  key={pool.poolName}
                  pool={pool}
                  queues={pools.nodes.find(({ name }) => name === pool.poolName)?.queueCount ?? null}
                />
              ))}
            </ul>
          </Panel>
        </div>
        <BusiestQueues pools={pools.nodes} queues={busiest?.nodes ?? []} />
        <Panel title="Newest queues" flush>
          <QueueTable
            rows={queues.nodes}
            ofAll
            editable={false}
            sortLinks={{}}
            pager={{ first: null, previous: null, next: null }}
            summary={
              <Link href={paths.queues(null)} className="text-accent hover:underline">
                All queues
              </Link>
            }
            empty={
              <EmptyState title="No queues yet" action={<CreateQueue project={null} />}>
                Create one here, or let a program create it. <code className="font-mono">npm run demo</code> adds demo
                data.
              </EmptyState>
            }
          />
        </Panel>
      </div>
    </>
  );
}

function Tiles({ health, queues }: { health: Health; queues: Count | null }) {
  const down = health.pools.filter((pool) => !pool.storageReachable).length;
  return (
    <StatTiles>
      <StatTile label="Queues" value={countText(queues)} note="in all projects" href={paths.queues(null)} />
      <StatTile
        label="Pools"
        value={formatCount(health.pools.length)}
        tone={down > 0 ? "danger" : "neutral"}
        note={down > 0 ? `${formatCount(down)} unreachable` : "all reachable"}
        href={paths.pools()}
      />
      <StatTile
        label="Control database"
        value={health.control.reachable ? formatMilliseconds(health.control.durationSeconds) : "Unreachable"}
        tone={health.control.reachable ? "neutral" : "danger"}
        note="response time"
        href={paths.health()}
      />
      <StatTile
        label="Garbage collection"
        value={health.gc ? <Ago at={health.gc.at} /> : "Not yet"}
        note={health.gc ? `${formatCount(health.gc.collected.messages)} messages freed` : "runs on a schedule"}
        href={paths.health()}
      />
    </StatTiles>
  );
}

function PoolLine({ pool, queues }: { pool: PoolHealth; queues: Count | null }) {
  const slowest = pool.operations.reduce((most, operation) => Math.max(most, operation.durationSeconds), 0);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Link
        href={paths.pool(pool.poolName)}
        className="min-w-24 font-mono text-xs text-accent underline-offset-2 hover:underline"
      >
        {pool.poolName}
      </Link>
      <PoolState pool={pool} />
      <span className="ml-auto text-xs text-muted">
        {queues ? `${countText(queues)} ${queues.value === 1 ? "queue" : "queues"}` : null}
        {pool.storageReachable ? `, slowest operation ${formatMilliseconds(slowest)}` : null}
      </span>
    </li>
  );
}

function countText(count: Count | null): string {
  return count === null ? "?" : formatCount(count.value, count.exact ? "exact" : "at-least");
}
