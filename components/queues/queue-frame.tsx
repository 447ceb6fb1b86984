import { Fragment, type ReactNode } from "react";
import { AuditLink } from "../audit/audit-link.tsx";
import { Failed, type Failure } from "../failed.tsx";
import { InState } from "../messages/message-state.tsx";
import { PageQuery } from "../page-query.tsx";
import { paths, QUEUE_TABS, type QueueTab } from "../paths.ts";
import { PauseButton } from "../pauses/pause-button.tsx";
import { PauseNotice } from "../pauses/pause-notice.tsx";
import { projectLabel } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";
import { PageHeader } from "../ui/page.tsx";
import { NotFoundState } from "../ui/states.tsx";
import { TabLinks } from "../ui/tabs.tsx";
import { Ago } from "../ui/time.tsx";
import { DeletedQueue } from "../undo/deleted-queue.tsx";
import { UndoNotice } from "../undo/undo-notice.tsx";
import { CreateQueue } from "./create-queue.tsx";
import { ExhaustedNotice } from "./exhausted-notice.tsx";
import type { ExplanationFacts, QueueFrameFacts } from "./fragments.ts";
import { QueueWithoutPool } from "./queue-without-pool.tsx";

type ExplainedReason = ExplanationFacts["reasons"][number]["kind"];

/** Each says that the dead letter queue is missing. */
const OF_DEAD_LETTERS: ReadonlySet<ExplainedReason> = new Set(["EXHAUSTED", "DEAD_LETTER_QUEUE_MISSING"]);

/** Of the queues whose dead letters it takes. */
const SHOWN_SOURCES = 5;

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
  explained = [],
  tools,
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
  /** Reasons that the content tells already, each with its button: they need no notice. */
  explained?: readonly ExplainedReason[];
  /** What shows the queue otherwise, or gives it away. */
  tools?: ReactNode;
  /** What changes the queue, the first thing to do last. */
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
        <DeletedQueue project={project} queue={name} />
        <NotFoundState title="Queue not found" action={<CreateQueue project={project} />}>
          It may have been deleted. If it had subscriptions, they are kept for a new queue of this name.
        </NotFoundState>
      </>
    );
  }
  const { stats, attributes, deadLetterQueueMissing, pause } = queue.data;
  const { deadLetterQueue, maxClaimCount } = attributes;
  const deadLetters = deadLetterQueue === null || maxClaimCount === null ? null : { deadLetterQueue, maxClaimCount };
  return (
    <>
      <PageHeader
        title={name}
        mono
        crumbs={crumbs}
        badges={<QueueState queue={queue.data} />}
        description={<QueueFacts project={project} queue={queue.data} />}
        actions={
          <>
            <PageQuery document={document} variables={variables} />
            <AuditLink query={{ project, target: name }} />
            {tools}
            {pause === null ? <PauseButton target={{ project, queue: name }} /> : null}
            {actions}
          </>
        }
      />
      <UndoNotice undo={queue.data.undo} />
      {/* That everything is paused is said above every page. */}
      {pause === null || pause.scope === "EVERYTHING" ? null : <PauseNotice pause={pause} />}
      {deadLetters !== null && deadLetterQueueMissing && !explained.some((kind) => OF_DEAD_LETTERS.has(kind)) ? (
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

/** Where the queue is, and which queues it exchanges dead letters with. */
function QueueFacts({ project, queue }: { project: string; queue: QueueFrameFacts }) {
  const { attributes, catalogueEntry, deadLetterQueue, deadLetterSources, createdAt } = queue;
  return (
    <span className="flex flex-wrap gap-x-4 gap-y-0.5">
      <span>
        pool{" "}
        {catalogueEntry === null ? (
          "none"
        ) : (
          <NameLink href={paths.pool(catalogueEntry.poolName)}>{catalogueEntry.poolName}</NameLink>
        )}
      </span>
      <span>
        flavor{" "}
        {attributes.flavor === null ? (
          "none"
        ) : (
          <NameLink href={paths.flavors({ project })}>{attributes.flavor}</NameLink>
        )}
      </span>
      {attributes.deadLetterQueue === null || attributes.maxClaimCount === null ? null : (
        <span>
          after {formatCount(attributes.maxClaimCount)} {attributes.maxClaimCount === 1 ? "delivery" : "deliveries"} to{" "}
          <NameLink href={paths.queue(project, attributes.deadLetterQueue)}>{attributes.deadLetterQueue}</NameLink>
          {deadLetterQueue?.sample ? (
            <span title="messages there"> {formatCount(deadLetterQueue.sample.total)}</span>
          ) : null}
        </span>
      )}
      {deadLetterSources.length === 0 ? null : (
        <span>
          dead letters of{" "}
          {deadLetterSources.slice(0, SHOWN_SOURCES).map((source, index) => (
            <Fragment key={source}>
              {index === 0 ? "" : ", "}
              <NameLink href={paths.queue(project, source)}>{source}</NameLink>
            </Fragment>
          ))}
          {deadLetterSources.length > SHOWN_SOURCES ? ` and ${deadLetterSources.length - SHOWN_SOURCES} more` : ""}
        </span>
      )}
      <span>
        created <Ago at={createdAt} coarse />
      </span>
    </span>
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
