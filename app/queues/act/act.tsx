import { one, type Search } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { readAgain } from "@/components/acting/again.ts";
import { type Choices, readChoices, type Scope } from "@/components/acting/choices.ts";
import { shortSample } from "@/components/acting/sample.ts";
import { WORDS } from "@/components/acting/words.ts";
import { Workplace } from "@/components/acting/workplace.tsx";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import { PageQuery } from "@/components/page-query.tsx";
import { paths } from "@/components/paths.ts";
import { projectLabel } from "@/components/projects/project-name.tsx";
import { LinkButton } from "@/components/ui/button.tsx";
import { PageHeader } from "@/components/ui/page.tsx";
import { NotFoundState } from "@/components/ui/states.tsx";
import { ACT_PAGE, FORMER_JOB } from "./documents.ts";

/** The same with what a job was asked for, such as one that failed. */
export async function ActAgain({ job: id }: { job: string }) {
  const loaded = await load(FORMER_JOB, { id });
  const job = loaded.ok ? loaded.data.job : null;
  const again = job && readAgain(job);
  if (again)
    return <Act scope={again.scope} search={{}} again={{ choices: again.choices, reason: job.reason ?? "" }} />;
  return (
    <>
      <PageHeader title="Act again" crumbs={[{ label: "Jobs", href: paths.jobs() }]} />
      {!loaded.ok ? (
        <Failed error={loaded.error} />
      ) : job === null ? (
        <NotFoundState title="Job not found">Jobs that ended are kept for JOB_DAYS, 30 days by default.</NotFoundState>
      ) : (
        <NotFoundState
          title="This job cannot be asked for again here"
          action={<LinkButton href={paths.job(job.id)}>Open job</LinkButton>}
        >
          It has conditions that this page does not have, or that you may not see. Its input is what `dryRun` of the API
          takes.
        </NotFoundState>
      )}
    </>
  );
}

/** Where people act on many messages, of one queue or of many. `again`: instead of what the address says. */
export async function Act({
  scope,
  search,
  again = null,
}: {
  scope: Scope;
  search: Search;
  again?: { choices: Choices; reason: string } | null;
}) {
  const read = (name: string) => one(search, name) ?? null;
  const [token, job] = [read("dryRun"), read("job")];
  const variables = {
    project: scope.project ?? "",
    queue: scope.kind === "queue" ? scope.name : "",
    one: scope.kind === "queue",
    many: scope.kind === "queues",
    looked: token !== null,
    token: token ?? "",
    started: job !== null,
    job: job ?? "",
  };
  const loaded = await load(ACT_PAGE, variables);
  const queue = loaded.ok ? (loaded.data.queue ?? null) : null;
  const dead =
    scope.kind === "queue" ? (queue?.deadLetterSources.length ?? 0) > 0 : scope.kind === "queues" && scope.deadLetters;
  const choices = again?.choices ?? readChoices(read, dead ? "redrive" : "delete");
  const { label, about } = WORDS[choices.action];
  return (
    <>
      <PageHeader
        title={label}
        crumbs={crumbsOf(scope)}
        description={`${about} Nothing happens until you start; what the dry run shows is what will run.`}
        actions={loaded.ok ? <PageQuery document={textOf(ACT_PAGE)} variables={variables} /> : null}
      />
      {!loaded.ok ? (
        <Failed error={loaded.error} />
      ) : scope.kind === "queue" && queue === null ? (
        <NotFoundState title="Queue not found">It may have been deleted.</NotFoundState>
      ) : (
        <Workplace
          key={choices.action}
          scope={scope}
          projects={loaded.data.projects?.nodes.map(({ name }) => name) ?? []}
          given={choices}
          because={again?.reason ?? ""}
          total={queue?.stats ? { value: queue.stats.total, exact: queue.stats.exact } : null}
          dryRun={loaded.data.dryRun ? shortSample(loaded.data.dryRun) : null}
          job={loaded.data.job ?? null}
        />
      )}
    </>
  );
}

function crumbsOf(scope: Scope) {
  const { project } = scope;
  return [
    ...(project === null
      ? [{ label: "Queues", href: paths.queues(null) }]
      : [
          { label: "Projects", href: paths.projects() },
          { label: projectLabel(project), href: paths.queues(project) },
        ]),
    ...(scope.kind === "queue" ? [{ label: scope.name, href: paths.queue(scope.project, scope.name) }] : []),
  ];
}
