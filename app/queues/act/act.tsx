import { one, type Search } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { readChoices, type Scope } from "@/components/acting/choices.ts";
import { shortSample } from "@/components/acting/sample.ts";
import { WORDS } from "@/components/acting/words.ts";
import { Workplace } from "@/components/acting/workplace.tsx";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import { PageQuery } from "@/components/page-query.tsx";
import { paths } from "@/components/paths.ts";
import { projectLabel } from "@/components/projects/project-name.tsx";
import { PageHeader } from "@/components/ui/page.tsx";
import { NotFoundState } from "@/components/ui/states.tsx";
import { ACT_PAGE } from "./documents.ts";

/** Where people act on many messages, of one queue or of many. */
export async function Act({ scope, search }: { scope: Scope; search: Search }) {
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
  const choices = readChoices(read, dead ? "redrive" : "delete");
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
