import type { Metadata } from "next";
import { named } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
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
import { JsonViewer } from "@/components/ui/json-viewer.tsx";
import { Link } from "@/components/ui/link.tsx";
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
            {KINDS[job.kind].label} <span className="font-mono">{job.targetName}</span>
          </>
        }
        crumbs={crumbs}
        actions={<PageQuery document={textOf(JOB_PAGE)} variables={variables} />}
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

function JobFacts({ job }: { job: JobDetail }) {
  return (
    <Facts
      items={[
        { label: "What", value: KINDS[job.kind].label },
        { label: "Of", value: <JobTarget job={job} /> },
        { label: "Asked by", value: job.actor },
        { label: "Asked", value: <Instant at={job.createdAt} /> },
        ...(job.finishedAt === null ? [] : [{ label: "Ended", value: <Instant at={job.finishedAt} /> }]),
        {
          label: "Audit",
          value: (
            <Link href={paths.audit({ target: job.targetName })} className="text-accent underline underline-offset-2">
              what was done to {job.targetName}
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
