import type { Metadata } from "next";
import { Fragment } from "react";
import { named } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { AuditLink } from "@/components/audit/audit-link.tsx";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import type { JobDetail } from "@/components/jobs/fragments.ts";
import { JobPanel } from "@/components/jobs/job-panel.tsx";
import { JobTarget } from "@/components/jobs/job-parts.tsx";
import { KINDS } from "@/components/jobs/job-states.ts";
import { PageQuery } from "@/components/page-query.tsx";
import { paths } from "@/components/paths.ts";
import { LinkButton } from "@/components/ui/button.tsx";
import { CopyButton } from "@/components/ui/copy-button.tsx";
import { formatCount } from "@/components/ui/format.ts";
import { JsonViewer } from "@/components/ui/json-viewer.tsx";
import { Link } from "@/components/ui/link.tsx";
import { NameLink } from "@/components/ui/name-link.tsx";
import { Facts, PageHeader, Panel } from "@/components/ui/page.tsx";
import { NotFoundState } from "@/components/ui/states.tsx";
import { Instant } from "@/components/ui/time.tsx";
import { JOB_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Job" };

export default async function JobPage({ params }: { params: Promise<{ id: string }> }) {
  const variables = { id: named((await params).id) };
  const loaded = await load(JOB_PAGE, variables);
  const crumbs = [{ label: "Jobs", href: paths.jobs() }];
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Job" crumbs={crumbs} />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { job } = loaded.data;
  if (job === null) {
    return (
      <>
        <PageHeader title="Job" crumbs={crumbs} />
        <NotFoundState title="Job not found" action={<LinkButton href={paths.jobs()}>All jobs</LinkButton>}>
          Jobs that ended are kept for JOB_DAYS, 30 days by default.
        </NotFoundState>
      </>
    );
  }
  return (
    <>
      <PageHeader
        title={
          <>
            {KINDS[job.kind].label}{" "}
            {job.targetName === "" ? "of several queues" : <span className="font-mono">{job.targetName}</span>}
          </>
        }
        crumbs={crumbs}
        actions={
          <>
            {isToRepeat(job) ? (
              <LinkButton kind="primary" href={paths.act(null, { again: job.id })}>
                New dry run
              </LinkButton>
            ) : null}
            <PageQuery document={textOf(JOB_PAGE)} variables={variables} />
            <AuditLink query={{ project: job.project, target: job.targetName }} />
          </>
        }
      />
      <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-3">
          <JobPanel title="Progress" job={job} />
          <Panel title="Input">
            <JsonViewer text={job.inputText} label="Input" />
          </Panel>
        </div>
        <div className="flex min-w-0 flex-col gap-3">
          <Panel title="What was asked">
            <JobFacts job={job} />
          </Panel>
          {job.resultText === null ? null : (
            <Panel title="Result">
              <JsonViewer text={job.resultText} label="Result" />
            </Panel>
          )}
        </div>
      </div>
    </>
  );
}

/** It stopped before its end, and another dry run finds what is left to do. */
const isToRepeat = ({ state, dryRun }: JobDetail) => dryRun !== null && (state === "FAILED" || state === "CANCELLED");

/** Its own entries are under its kind and target, those of moves and drains under the target alone. */
function auditOf({ kind, targetName, dryRun }: JobDetail): { target: string } {
  if (dryRun === null && kind !== "GENERATE_MESSAGES") return { target: targetName };
  const name = kind.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { target: `${name} ${targetName}`.trim() };
}

function JobFacts({ job }: { job: JobDetail }) {
  return (
    <Facts
      items={[
        { label: "What", value: KINDS[job.kind].label },
        { label: "Of", value: <JobTarget job={job} /> },
        ...(job.reason === null ? [] : [{ label: "Reason", value: job.reason }]),
        ...(job.dryRun === null || job.dryRun.queueCount <= 1
          ? []
          : [
              { label: "Queues", value: <QueueNames queues={job.dryRun.queues ?? []} count={job.dryRun.queueCount} /> },
            ]),
        ...(job.dryRun === null || job.dryRun.destinations.length === 0
          ? []
          : [
              {
                label: "To",
                value: <QueueNames queues={job.dryRun.destinations} count={job.dryRun.destinations.length} />,
              },
            ]),
        { label: "Asked by", value: job.actor },
        { label: "Asked", value: <Instant at={job.createdAt} /> },
        ...(job.finishedAt === null ? [] : [{ label: "Ended", value: <Instant at={job.finishedAt} /> }]),
        {
          label: "Audit",
          value: (
            <Link href={paths.audit(auditOf(job))} className="text-accent underline underline-offset-2">
              what was done to {job.targetName === "" ? "these queues" : job.targetName}
            </Link>
          ),
        },
        {
          label: "Id",
          value: (
            <span className="flex items-center gap-1">
              <span className="min-w-0 font-mono text-xs">{job.id}</span>
              <CopyButton text={job.id} label="Copy the id" />
            </span>
          ),
        },
      ]}
    />
  );
}

/** Those that are known, and how many more there are. */
function QueueNames({ queues, count }: { queues: readonly { project: string; queueName: string }[]; count: number }) {
  return (
    <>
      {queues.map(({ project, queueName }, index) => (
        <Fragment key={`${project} ${queueName}`}>
          {index === 0 ? "" : ", "}
          <NameLink href={paths.queue(project, queueName)}>{queueName}</NameLink>
        </Fragment>
      ))}
      {count > queues.length ? ` and ${formatCount(count - queues.length)} more` : ""}
    </>
  );
}
