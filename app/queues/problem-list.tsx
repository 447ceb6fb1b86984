import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import type { ProblemGroup } from "../../components/problems/fragments.ts";
import { countProblems, countText, KINDS, QUEUE_KINDS } from "../../components/problems/looks.ts";
import { ProblemTable } from "../../components/problems/problem-table.tsx";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { TabLinks } from "../../components/ui/tabs.tsx";
import { isOn, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { QUEUE_PROBLEMS } from "./documents.ts";

/** The queues with problems, of one project, or with null of all projects. */
export async function ProblemList({ project, search }: { project: string | null; search: Search }) {
  const named = one(search, "problems") ?? "all";
  const kind = QUEUE_KINDS.find((one) => one.toLowerCase() === named);
  const silent = isOn(search, "silent");
  const filter = {
    kinds: kind === undefined ? QUEUE_KINDS : [kind],
    ...(project === null ? {} : { project }),
    ...(silent ? { includeSnoozed: true } : {}),
  };
  const variables = { filter, ...pageVariables(search) };
  const loaded = await load(QUEUE_PROBLEMS, variables, ["problemSummary"]);
  const link = (page: { after?: string; before?: string }) =>
    paths.queues(project, { problems: named, silent, ...page });
  return (
    <>
      <PageHeader
        title={project === null ? "Queues" : projectLabel(project)}
        crumbs={project === null ? [] : [{ label: "Projects", href: paths.projects() }]}
        description="Queues with problems, the worst first."
        actions={
          <>
            <PageQuery document={textOf(QUEUE_PROBLEMS)} variables={variables} />
            <ExportList list="problems" of="problems" variables={variables} />
            <LinkButton kind="ghost" href={paths.queues(project, { problems: named, silent: !silent })}>
              {silent ? "Without silent problems" : "With silent problems"}
            </LinkButton>
          </>
        }
      />
      <QueueViews
        project={project}
        current={kind?.toLowerCase() ?? "all"}
        groups={loaded.ok ? (loaded.data.problemSummary ?? []) : []}
      />
      <Panel flush>
        {loaded.ok ? (
          <ProblemTable
            rows={loaded.data.problems.nodes}
            pager={pagerLinks(loaded.data.problems.pageInfo, search, link)}
            empty={<EmptyState title="No problems">No queue has a problem of this kind.</EmptyState>}
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}

/** The views of the queues. `current` null: all queues. Numbers are those of all projects. */
export function QueueViews({
  project,
  current,
  groups,
}: {
  project: string | null;
  current: string | null;
  groups: readonly ProblemGroup[];
}) {
  const counted = project === null;
  const own = groups.filter((group) => KINDS[group.kind].about === "queues");
  const all = countProblems(own);
  return (
    <TabLinks
      label="Views"
      tabs={[
        { label: "All", href: paths.queues(project), current: current === null },
        {
          label: "Problems",
          href: paths.queues(project, { problems: "all" }),
          current: current === "all",
          ...(counted && all !== null ? { count: countText(all) } : {}),
        },
        ...own.map(({ kind, ...group }) => ({
          label: sentenceCase(KINDS[kind].short),
          href: paths.queues(project, { problems: kind.toLowerCase() }),
          current: current === kind.toLowerCase(),
          ...(counted ? { count: countText(group) } : {}),
        })),
      ]}
    />
  );
}

const sentenceCase = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
