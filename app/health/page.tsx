import type { Metadata } from "next";
import { API_PATH } from "../../components/api.ts";
import { CollectGarbage } from "../../components/collect-garbage.tsx";
import { Failed } from "../../components/failed.tsx";
import { OperationTable, type PoolHealth, PoolState } from "../../components/health.tsx";
import { paths } from "../../components/paths.ts";
import { INTERVAL_FIELDS, POOL_HEALTH_FIELDS } from "../../components/pools/documents.ts";
import { type HealthInterval, type Sampling, Timeline } from "../../components/pools/timeline.tsx";
import { Badge } from "../../components/ui/badge.tsx";
import { formatCount, formatMilliseconds } from "../../components/ui/format.ts";
import { Link } from "../../components/ui/link.tsx";
import { Facts, PageHeader, Panel } from "../../components/ui/page.tsx";
import { ShowGraphql } from "../../components/ui/show-graphql.tsx";
import { Ago } from "../../components/ui/time.tsx";
import { load } from "../execute.ts";
import { HEALTH_LOOK, type HealthStatus, Warnings } from "../warnings.tsx";

export const metadata: Metadata = { title: "Health" };

const HEALTH = /* GraphQL */ `
  query Health {
    health {
      status
      warnings
      control {
        reachable
        seconds
      }
      pools {${POOL_HEALTH_FIELDS}
        healthLastHour {${INTERVAL_FIELDS}
        }
      }
      gc {
        at
        seconds
        collected {
          messages
          claims
          subscriptions
          queues
        }
      }
    }
    healthSampling {
      everySeconds
      lastAt
      nextAt
    }
    limits {
      minMessageTtl
      maxMessageTtl
      defaultMessageTtl
      maxMessageDelay
      minClaimTtl
      maxClaimTtl
      defaultClaimTtl
      minClaimGrace
      maxClaimGrace
      defaultClaimGrace
      maxMessagesPerPost
      maxMessagesPostSize
      maxQueueMetadata
      maxQueueNameLength
      maxJsonDepth
      maxPageSize
      maxRequestSize
    }
  }
`;

interface Answer {
  health: {
    status: HealthStatus;
    warnings: string[];
    control: { reachable: boolean; seconds: number };
    pools: (PoolHealth & { healthLastHour: HealthInterval[] })[];
    gc: {
      at: string;
      seconds: number;
      collected: { messages: number; claims: number; subscriptions: number; queues: number };
    } | null;
  };
  healthSampling: Sampling;
  limits: Record<string, number>;
}

export default async function HealthPage() {
  const loaded = await load<Answer>(HEALTH);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Health" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { health, healthSampling, limits } = loaded.data;
  const look = HEALTH_LOOK[health.status];
  return (
    <>
      <PageHeader
        title="Health"
        badges={<Badge tone={look.tone}>{look.label}</Badge>}
        description="Every pool is really tried, at most once in ten seconds, whoever asks."
        actions={<ShowGraphql document={HEALTH} endpoint={API_PATH} />}
      />
      <div className="flex flex-col gap-4">
        {health.warnings.length > 0 ? (
          <Panel title="Needs attention">
            <Warnings warnings={health.warnings} />
          </Panel>
        ) : null}
        <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
          <Panel title="Control database">
            <Facts
              items={[
                {
                  label: "State",
                  value: health.control.reachable ? (
                    <Badge tone="ok">reachable</Badge>
                  ) : (
                    <Badge tone="danger">cannot be reached</Badge>
                  ),
                },
                { label: "Answered in", value: formatMilliseconds(health.control.seconds) },
              ]}
            />
          </Panel>
          <Panel title="Collection of what has expired" actions={<CollectGarbage />}>
            {health.gc === null ? (
              <p className="text-muted">None has run in this process yet.</p>
            ) : (
              <Facts
                items={[
                  { label: "Last", value: <Ago at={health.gc.at} /> },
                  { label: "Took", value: formatMilliseconds(health.gc.seconds) },
                  {
                    label: "Freed",
                    value: `${formatCount(health.gc.collected.messages)} messages, ${formatCount(health.gc.collected.claims)} claims, ${formatCount(health.gc.collected.subscriptions)} subscriptions, ${formatCount(health.gc.collected.queues)} queues`,
                  },
                ]}
              />
            )}
          </Panel>
          {health.pools.map((pool) => (
            <Panel
              key={pool.pool}
              title={`Pool ${pool.pool}`}
              flush
              actions={
                <>
                  <PoolState pool={pool} />
                  <Link href={paths.pool(pool.pool)} className="text-[0.8125rem] text-accent hover:underline">
                    Open
                  </Link>
                </>
              }
            >
              <OperationTable pool={pool} />
              <h3 className="border-t border-line px-4 pt-3 font-medium">The last hour, all operations together</h3>
              <Timeline
                pool={pool.pool}
                what="All operations"
                intervals={pool.healthLastHour}
                sampling={healthSampling}
              />
            </Panel>
          ))}
          <Panel title="Limits">
            <Facts
              items={Object.entries(limits).map(([name, value]) => ({
                label: limitLabel(name),
                value: formatCount(value),
              }))}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}

/** maxMessageTtl -> "Max message ttl" */
function limitLabel(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
