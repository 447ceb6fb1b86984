import { setTimeout as pause } from "node:timers/promises";
import { API_PATH } from "../../components/api.ts";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { paths } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { CreateQueue } from "../../components/queues/create-queue.tsx";
import { QueueTable } from "../../components/queues/queue-table.tsx";
import { FilterBar, SearchBox } from "../../components/ui/filter-bar.tsx";
import { formatCount } from "../../components/ui/format.ts";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { ShowGraphql } from "../../components/ui/show-graphql.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import type { SortLink } from "../../components/ui/table.tsx";
import { chosen, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { QUEUES_PAGE } from "./documents.ts";

/** Milliseconds that the page waits for the counts, which come from the pools. */
const COUNTS_WAIT_MS = 300;

/** The orders by their names in addresses. */
const ORDERS: Record<string, { column: string; sort: "NAME" | "CREATED_AT"; descending: boolean }> = {
  name: { column: "name", sort: "NAME", descending: false },
  "-name": { column: "name", sort: "NAME", descending: true },
  created: { column: "createdAt", sort: "CREATED_AT", descending: false },
  "-created": { column: "createdAt", sort: "CREATED_AT", descending: true },
};

/** The queues of one project, or with null of all projects. */
export async function QueueList({ project, search }: { project: string | null; search: Search }) {
  const prefix = one(search, "search");
  const order = chosen(search, "sort", ORDERS) ?? ORDERS.name;
  const sort = one(search, "sort");
  if (!order) return null;

  const variables = {
    ...(project === null ? { allProjects: true } : { project }),
    search: prefix,
    sort: order.sort,
    descending: order.descending,
    ...pageVariables(search),
  };
  const whole = load(QUEUES_PAGE, { ...variables, counts: true });
  const soon = await Promise.race([whole, pause(COUNTS_WAIT_MS, null)]);
  // One slow pool must not delay the rows: they come without counts then, and the counts follow.
  const loaded = soon ?? (await load(QUEUES_PAGE, { ...variables, counts: false }));
  const late = soon === null ? whole.then((late) => (late.ok ? late.data.queues.nodes : [])) : null;
  const link = (query: { sort?: string; after?: string; before?: string }) =>
    paths.queues(project, { search: prefix, ...query });

  const sortLinks: Record<string, SortLink> = {};
  for (const [id, key] of [
    ["name", "name"],
    ["createdAt", "created"],
  ] as const) {
    const here = order.column === id;
    const next = here && !order.descending ? `-${key}` : key;
    sortLinks[id] = {
      href: link({ sort: next === "name" ? undefined : next }),
      now: here ? (order.descending ? "descending" : "ascending") : null,
    };
  }

  return (
    <>
      <PageHeader
        title={project === null ? "Queues" : projectLabel(project)}
        crumbs={project === null ? [] : [{ label: "Projects", href: paths.projects() }]}
        description={project === null ? "Queues of all projects that you may see." : undefined}
        actions={
          <>
            <ShowGraphql
              document={textOf(QUEUES_PAGE)}
              variables={{ ...variables, counts: true }}
              endpoint={API_PATH}
            />
            <CreateQueue project={project} />
          </>
        }
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="search" label="Find queues whose names begin with" placeholder="Name begins with …" />
        </FilterBar>
        {loaded.ok ? (
          <QueueTable
            rows={loaded.data.queues.nodes}
            late={late}
            ofAll={project === null}
            sortLinks={sortLinks}
            pager={pagerLinks(loaded.data.queues.pageInfo, search, (page) => link({ sort, ...page }))}
            summary={summaryOf(loaded.data.queues.count)}
            empty={
              prefix === undefined ? (
                <EmptyState title="No queues yet" action={<CreateQueue project={project} />}>
                  Create one here, or with the mutation createQueue.
                </EmptyState>
              ) : (
                <EmptyState title={`No queue begins with “${prefix}”`}>Names are case-sensitive.</EmptyState>
              )
            }
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}

function summaryOf(count: { value: number; exact: boolean } | null): string {
  if (count === null) return "";
  const text = formatCount(count.value, count.exact ? "exact" : "at-least");
  return count.value === 1 ? `${text} queue` : `${text} queues`;
}
