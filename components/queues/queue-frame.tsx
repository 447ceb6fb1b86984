import type { ReactNode } from "react";
import { API_PATH } from "../components/api.ts";
import { Failed } from "../components/failed.tsx";
import { paths, QUEUE_TABS, type QueueTab } from "../components/paths.ts";
import { projectLabel } from "../components/project-name.tsx";
import { CreateQueue } from "../components/queues/create-queue.tsx";
import { ExhaustedNotice } from "../components/queues/exhausted-notice.tsx";
import { Badge } from "../components/ui/badge.tsx";
import { formatCount } from "../components/ui/format.ts";
import { Link } from "../components/ui/link.tsx";
import { PageHeader } from "../components/ui/page.tsx";
import { ShowGraphql } from "../components/ui/show-graphql.tsx";
import { NotFoundState } from "../components/ui/states.tsx";
import { TabLinks } from "../components/ui/tabs.tsx";
import { load } from "./execute.ts";
import { QueueWithoutPool } from "./queue-without-pool.tsx";

const QUEUE = /* GraphQL */ `
  query Queue($project: String, $name: String!) {
    queue(project: $project, name: $name) {
      createdAt
      deadLetterQueueMissing
      attributes {
        deadLetterQueue
        maxClaimCount
      }
      stats {
        ready
        claimed
        delayed
        exhausted
        total
        exact
      }
      catalogueEntry {
        pool
      }
    }
  }
`;

interface Answer {
  queue: {
    createdAt: string;
    deadLetterQueueMissing: boolean;
    attributes: { deadLetterQueue: string | null; maxClaimCount: number | null };
    stats: {
      ready: number;
      claimed: number;
      delayed: number;
      exhausted: number;
      total: number;
      exact: boolean;
    } | null;
    catalogueEntry: { pool: string } | null;
  } | null;
}

const LABELS: Record<QueueTab, string> = {
  messages: "Messages",
  claims: "Claims",
  subscriptions: "Subscriptions",
  statistics: "Statistics",
  settings: "Settings",
};

/** What every tab of a queue has above it. Its content is made only when the queue is there. */
export async function QueueFrame({
  project,
  name,
  tab,
  actions,
  children,
}: {
  project: string;
  name: string;
  tab: QueueTab;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const variables = { project, name };
  const loaded = await load<Answer>(QUEUE, variables);
  const crumbs = [
    { label: "Projects", href: paths.projects() },
    { label: projectLabel(project), href: paths.queues(project) },
  ];
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { queue } = loaded.data;
  if (queue === null) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <NotFoundState title="There is no queue of this name" action={<CreateQueue project={project} />}>
          It may have been deleted. Its subscriptions, if it had any, wait for it to be made again.
        </NotFoundState>
      </>
    );
  }
  const { stats } = queue;
  const { deadLetterQueue, maxClaimCount } = queue.attributes;
  const deadLetters = deadLetterQueue === null || maxClaimCount === null ? null : { deadLetterQueue, maxClaimCount };
  const exact = stats?.exact ? "exact" : "about";
  return (
    <>
      <PageHeader
        title={name}
        mono
        crumbs={crumbs}
        badges={
          stats === null ? (
            <Badge tone="warn">{queue.catalogueEntry ? "its pool does not answer" : "not in the catalogue"}</Badge>
          ) : (
            <>
              <Badge tone={stats.ready > 0 ? "accent" : "neutral"}>{formatCount(stats.ready, exact)} ready</Badge>
              <Badge tone={stats.claimed > 0 ? "warn" : "neutral"}>{formatCount(stats.claimed, exact)} claimed</Badge>
              {stats.delayed > 0 ? <Badge>{formatCount(stats.delayed, exact)} delayed</Badge> : null}
              {stats.exhausted > 0 ? (
                <Badge tone="danger">
                  {formatCount(stats.exhausted, stats.exact ? "exact" : "at-least")} exhausted
                </Badge>
              ) : null}
            </>
          )
        }
        description={
          deadLetters !== null && !queue.deadLetterQueueMissing ? (
            <>
              After {deadLetters.maxClaimCount} deliveries a message goes to{" "}
              <Link
                href={paths.queue(project, deadLetters.deadLetterQueue)}
                className="font-mono text-[0.8125rem] text-accent underline underline-offset-2"
              >
                {deadLetters.deadLetterQueue}
              </Link>
              .
            </>
          ) : undefined
        }
        actions={
          <>
            <ShowGraphql document={QUEUE} variables={variables} endpoint={API_PATH} />
            {actions}
          </>
        }
      />
      {deadLetters !== null && queue.deadLetterQueueMissing ? (
        <ExhaustedNotice
          project={project}
          queue={name}
          {...deadLetters}
          exhausted={stats && { count: stats.exhausted, exact: stats.exact }}
        />
      ) : null}
      <TabLinks
        label="Parts of the queue"
        tabs={QUEUE_TABS.map((key) => ({
          label: LABELS[key],
          href: paths.queue(project, name, key),
          current: key === tab,
        }))}
      />
      {stats === null ? (
        <div className="flex flex-col gap-4">
          {children}
          <QueueWithoutPool project={project} queue={name} metadata={tab !== "settings"} />
        </div>
      ) : (
        children
      )}
    </>
  );
}
