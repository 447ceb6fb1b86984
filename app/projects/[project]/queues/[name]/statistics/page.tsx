import type { Metadata } from "next";
import { Failed } from "../../../../../../components/failed.tsx";
import { paths } from "../../../../../../components/paths.ts";
import { formatCount, formatDuration } from "../../../../../../components/ui/format.ts";
import { NameLink } from "../../../../../../components/ui/name-link.tsx";
import { Facts, Panel } from "../../../../../../components/ui/page.tsx";
import { ShortId } from "../../../../../../components/ui/short-id.tsx";
import { ShareBar, StatTile, StatTiles } from "../../../../../../components/ui/stat.tsx";
import { Ago, Utc } from "../../../../../../components/ui/time.tsx";
import { named } from "../../../../../address.ts";
import { load } from "../../../../../execute.ts";
import { QueueFrame } from "../../../../../queue-frame.tsx";
import { QueueFailed } from "../../../../../queue-without-pool.tsx";

const STATISTICS = /* GraphQL */ `
  query Statistics($project: String, $name: String!) {
    queue(project: $project, name: $name) {
      createdAt
      updatedAt
      stats {
        ready
        claimed
        delayed
        exhausted
        total
        exact
        oldest {
          id
          ageSeconds
          createdAt
        }
        newest {
          id
          ageSeconds
          createdAt
        }
      }
    }
  }
`;

interface Stamp {
  id: string;
  ageSeconds: number;
  createdAt: string;
}

interface Answer {
  queue: {
    createdAt: string;
    updatedAt: string;
    stats: {
      ready: number;
      claimed: number;
      delayed: number;
      exhausted: number;
      total: number;
      exact: boolean;
      oldest: Stamp | null;
      newest: Stamp | null;
    } | null;
  } | null;
}

interface Props {
  params: Promise<{ project: string; name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: statistics` };
}

export default async function StatisticsPage({ params }: Props) {
  const { project, name } = await params;
  const address = { project: named(project), name: named(name) };
  return (
    <QueueFrame {...address} tab="statistics">
      <Statistics {...address} />
    </QueueFrame>
  );
}

async function Statistics({ project, name }: { project: string; name: string }) {
  const loaded = await load<Answer>(STATISTICS, { project, name });
  if (!loaded.ok) return <Failed error={loaded.error} />;
  const { queue } = loaded.data;
  if (queue === null) return null;
  const { stats } = queue;
  if (stats === null) {
    return (
      <Panel flush>
        <QueueFailed project={project} queue={name} />
      </Panel>
    );
  }
  const exact = stats.exact ? "exact" : "about";
  return (
    <div className="flex flex-col gap-4">
      <StatTiles>
        <StatTile label="Total" value={formatCount(stats.total, exact)} />
        <StatTile label="Ready" value={formatCount(stats.ready, exact)} note="can be claimed now" />
        <StatTile label="Claimed" value={formatCount(stats.claimed, exact)} />
        <StatTile label="Delayed" value={formatCount(stats.delayed, exact)} note="cannot be claimed yet" />
        <StatTile
          label="Exhausted"
          value={formatCount(stats.exhausted, stats.exact ? "exact" : "at-least")}
          tone={stats.exhausted > 0 ? "danger" : "neutral"}
          note="nobody can claim"
        />
        <StatTile label="Oldest" value={stats.oldest ? formatDuration(stats.oldest.ageSeconds) : "none"} />
      </StatTiles>
      <Panel title="Where the messages are">
        <ShareBar
          label="Messages by state"
          shares={[
            { label: "Ready", value: stats.ready, tone: "accent" },
            { label: "Claimed", value: stats.claimed, tone: "warn" },
            { label: "Delayed", value: stats.delayed, tone: "line" },
            { label: "Exhausted", value: stats.exhausted, tone: "danger" },
          ]}
        />
        {stats.exact ? null : (
          <p className="mt-3 text-[0.8125rem] text-muted">
            There are so many messages that these numbers come from counters; they may be a little off. Exhausted ones
            are counted among the oldest only, so there may be more; those count as ready here.
          </p>
        )}
      </Panel>
      <Panel title="Dates">
        <Facts
          items={[
            { label: "Oldest message", value: <StampOf stamp={stats.oldest} project={project} queue={name} /> },
            { label: "Newest message", value: <StampOf stamp={stats.newest} project={project} queue={name} /> },
            { label: "Queue made", value: <Utc at={queue.createdAt} /> },
            { label: "Settings changed", value: <Utc at={queue.updatedAt} /> },
          ]}
        />
      </Panel>
    </div>
  );
}

function StampOf({ stamp, project, queue }: { stamp: Stamp | null; project: string; queue: string }) {
  if (stamp === null) return <span className="text-muted">none</span>;
  return (
    <>
      <NameLink href={paths.queue(project, queue, "messages", { message: stamp.id })}>
        <ShortId id={stamp.id} />
      </NameLink>
      , <Ago at={stamp.createdAt} />
    </>
  );
}
