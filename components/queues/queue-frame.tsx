import type { ReactNode } from "react";
import { Failed, type Failure } from "../failed.tsx";
import { InState } from "../messages/message-state.tsx";
import { PageQuery } from "../page-query.tsx";
import { paths, QUEUE_TABS, type QueueTab } from "../paths.ts";
import { projectLabel } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { PageHeader } from "../ui/page.tsx";
import { NotFoundState } from "../ui/states.tsx";
import { TabLinks } from "../ui/tabs.tsx";
import { CreateQueue } from "./create-queue.tsx";
import { ExhaustedNotice } from "./exhausted-notice.tsx";
import type { QueueFrameFacts } from "./fragments.ts";
import { QueueWithoutPool } from "./queue-without-pool.tsx";

const LABELS: Record<QueueTab, string> = {
  messages: "Messages",
  claims: "Claims",
  subscriptions: "Subscriptions",
  statistics: "Statistics",
  settings: "Settings",
};

/** What every tab of a queue shows above its content, and instead of it when there is no such queue. */
export function QueueFrame({
  project,
  name,
  tab,
  queue,
  graphql: { document, variables },
  actions,
  children,
}: {
  project: string;
  name: string;
  tab: QueueTab;
  /** Null: there is none of that name. */
  queue: { ok: true; data: QueueFrameFacts | null } | { ok: false; error: Failure };
  /** What the page executed, to be shown. */
  graphql: { document: string; variables: object };
  actions?: ReactNode;
  children: ReactNode;
}) {
  const crumbs = [
    { label: "Projects", href: paths.projects() },
    { label: projectLabel(project), href: paths.queues(project) },
  ];
  if (!queue.ok) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <Failed error={queue.error} />
      </>
    );
  }
  if (queue.data === null) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <NotFoundState title="Queue not found" action={<CreateQueue project={project} />}>
          It may have been deleted. If it had subscriptions, they are kept for a new queue of this name.
        </NotFoundState>
      </>
    );
  }
  const { stats, attributes, deadLetterQueueMissing } = queue.data;
  const { deadLetterQueue, maxClaimCount } = attributes;
  const deadLetters = deadLetterQueue === null || maxClaimCount === null ? null : { deadLetterQueue, maxClaimCount };
  return (
    <>
      <PageHeader
        title={name}
        mono
        crumbs={crumbs}
        badges={<QueueState queue={queue.data} />}
        description={
          deadLetters !== null && !deadLetterQueueMissing ? (
            <>
              After {deadLetters.maxClaimCount} deliveries a message goes to{" "}
              <Link
                href={paths.queue(project, deadLetters.deadLetterQueue)}
                className="font-mono text-xs text-accent underline underline-offset-2"
              >
                {deadLetters.deadLetterQueue}
              </Link>
              .
            </>
          ) : undefined
        }
        actions={
          <>
            <PageQuery document={document} variables={variables} />
            {actions}
          </>
        }
      />
      {deadLetters !== null && deadLetterQueueMissing ? (
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
          <QueueWithoutPool project={project} queue={queue.data} metadata={tab !== "settings"} />
        </div>
      ) : (
        children
      )}
    </>
  );
}

/** How many messages are in which state, or why that is unknown. */
function QueueState({ queue: { stats, catalogueEntry } }: { queue: QueueFrameFacts }) {
  if (stats === null)
    return <Badge tone="danger">{catalogueEntry ? "Pool unreachable" : "Not in the catalogue"}</Badge>;
  const exact = stats.exact ? "exact" : "about";
  return (
    <>
      <InState state="ready">{formatCount(stats.ready, exact)} ready</InState>
      <InState state="claimed">{formatCount(stats.claimed, exact)} claimed</InState>
      {stats.delayed > 0 ? <InState state="delayed">{formatCount(stats.delayed, exact)} delayed</InState> : null}
      {stats.exhausted > 0 ? (
        <InState state="exhausted">
          {formatCount(stats.exhausted, stats.exact ? "exact" : "at-least")} exhausted
        </InState>
      ) : null}
    </>
  );
}
