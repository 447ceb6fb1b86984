import type { Failure } from "../failed.tsx";
import { paths } from "../paths.ts";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";
import { Facts, Panel } from "../ui/page.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { ShareBar, StatTile, StatTiles } from "../ui/stat.tsx";
import { Age, Ago, Instant } from "../ui/time.tsx";
import type { QueueStatisticsFacts } from "./fragments.ts";
import { QueueFailed } from "./queue-without-pool.tsx";

/** The statistics tab. */
export function QueueStatistics({
  project,
  name,
  queue: { stats, createdAt, updatedAt, catalogueEntry },
  failure,
}: {
  project: string;
  name: string;
  queue: QueueStatisticsFacts;
  /** Why the pool told no statistics. */
  failure: Failure | undefined;
}) {
  if (stats === null) {
    return (
      <Panel flush>
        <QueueFailed project={project} queue={name} pool={catalogueEntry?.poolName ?? null} error={failure} />
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
        <StatTile label="Oldest" value={stats.oldest ? <Age since={stats.oldest.createdAt} /> : "none"} />
      </StatTiles>
      <Panel title="Messages by state">
        <ShareBar
          label="Messages by state"
          shares={[
            { label: "Ready", value: stats.ready, look: "ready" },
            { label: "Claimed", value: stats.claimed, look: "claimed" },
            { label: "Delayed", value: stats.delayed, look: "delayed" },
            { label: "Exhausted", value: stats.exhausted, look: "exhausted" },
          ]}
        />
        {stats.exact ? null : (
          <p className="mt-3 text-xs text-muted">
            The queue has so many messages that these numbers come from counters, which may be a little off. Exhausted
            messages are counted among the oldest only. If there are more, they count as ready here.
          </p>
        )}
      </Panel>
      <Panel title="Since the queue was created">
        <Facts items={TOTALS.map(({ label, of }) => ({ label, value: formatCount(stats.totals[of], "exact") }))} />
        <p className="mt-3 text-xs text-muted">
          A message counts as delivered each time that a claim or a pop gave it. These numbers only grow, and lag by
          about a second.
        </p>
      </Panel>
      <Panel title="Dates">
        <Facts
          items={[
            { label: "Oldest message", value: <MessageLink message={stats.oldest} project={project} queue={name} /> },
            { label: "Newest message", value: <MessageLink message={stats.newest} project={project} queue={name} /> },
            { label: "Queue created", value: <Instant at={createdAt} /> },
            { label: "Settings changed", value: <Instant at={updatedAt} /> },
          ]}
        />
      </Panel>
    </div>
  );
}

const TOTALS: readonly { label: string; of: keyof NonNullable<QueueStatisticsFacts["stats"]>["totals"] }[] = [
  { label: "Posted", of: "posted" },
  { label: "Delivered", of: "delivered" },
  { label: "of these, by claims", of: "claimed" },
  { label: "Released", of: "released" },
  { label: "Claim expired", of: "lapsed" },
  { label: "Deleted", of: "deleted" },
  { label: "Expired", of: "expired" },
  { label: "Moved to the dead letter queue", of: "deadLettered" },
  { label: "Moved to another queue", of: "moved" },
];

function MessageLink({
  message,
  project,
  queue,
}: {
  message: NonNullable<QueueStatisticsFacts["stats"]>["oldest"];
  project: string;
  queue: string;
}) {
  if (message === null) return <span className="text-muted">none</span>;
  return (
    <>
      <NameLink href={paths.queue(project, queue, "messages", { message: message.id })}>
        <ShortId id={message.id} />
      </NameLink>
      , <Ago at={message.createdAt} />
    </>
  );
}
