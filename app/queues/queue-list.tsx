import { setTimeout as pause } from "node:timers/promises";
import type { ResultOf } from "gql.tada";
import { actHref, type Scope, STATES, type StateName } from "../../components/acting/choices.ts";
import { HOLDING } from "../../components/acting/dry-run-input.ts";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { CreateQueue } from "../../components/queues/create-queue.tsx";
import { QueueTable } from "../../components/queues/queue-table.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { FilterBar, FilterCheck, FilterSelect, SearchBox } from "../../components/ui/filter-bar.tsx";
import { formatCount } from "../../components/ui/format.ts";
import { Glyph } from "../../components/ui/glyph.tsx";
import { NameLink } from "../../components/ui/name-link.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import type { SortLink } from "../../components/ui/table.tsx";
import { Ago, Moment } from "../../components/ui/time.tsx";
import { chosen, isOn, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { QUEUES_PAGE } from "./documents.ts";
import { ProblemList, QueueViews } from "./problem-list.tsx";

/** Milliseconds that the page waits for the counts, which come from the pools. */
const COUNTS_WAIT_MS = 300;

interface Order {
  column: string;
  field: "NAME" | "CREATED_AT" | "DEPTH" | "OLDEST_READY" | "RATE";
  direction: "ASC" | "DESC";
}

const HOLDING_STATES = Object.fromEntries(STATES.map((state) => [state, state])) as Record<StateName, StateName>;
/** Seconds that the oldest ready message waits, at least. */
const WAITS = [
  { value: "60", label: "over a minute" },
  { value: "300", label: "over 5 minutes" },
  { value: "3600", label: "over an hour" },
  { value: "86400", label: "over a day" },
];

/** The orders by their names in addresses. */
const ORDERS: Record<string, Order> = {
  name: { column: "name", field: "NAME", direction: "ASC" },
  "-name": { column: "name", field: "NAME", direction: "DESC" },
  created: { column: "createdAt", field: "CREATED_AT", direction: "ASC" },
  "-created": { column: "createdAt", field: "CREATED_AT", direction: "DESC" },
  "-depth": { column: "total", field: "DEPTH", direction: "DESC" },
  depth: { column: "total", field: "DEPTH", direction: "ASC" },
  waiting: { column: "oldestReady", field: "OLDEST_READY", direction: "ASC" },
  "-waiting": { column: "oldestReady", field: "OLDEST_READY", direction: "DESC" },
  "-rate": { column: "rates", field: "RATE", direction: "DESC" },
  rate: { column: "rates", field: "RATE", direction: "ASC" },
};

/** The queues of one project, or with null of all projects. */
export async function QueueList({ project, search }: { project: string | null; search: Search }) {
  if (one(search, "problems") !== undefined) return <ProblemList project={project} search={search} />;
  const order = chosen(search, "sort", ORDERS) ?? ORDERS.name;
  const sort = one(search, "sort");
  if (!order) return null;

  const holds = chosen(search, "holds", HOLDING_STATES);
  const waits = WAITS.find(({ value }) => value === one(search, "waits"))?.value;
  const filter = {
    search: one(search, "search"),
    pool: one(search, "pool"),
    flavor: one(search, "flavor"),
    isDeadLetterQueue: isOn(search, "deadLetters") ? true : undefined,
    ...(holds === undefined ? {} : { [HOLDING[holds]]: true }),
    ...(waits === undefined ? {} : { oldestReadyOlderThanSeconds: Number(waits) }),
  };
  const isFiltered = Object.values(filter).some((condition) => condition !== undefined);
  const isOrdered = order.field !== "NAME" && order.field !== "CREATED_AT";
  const bySample = isOrdered || holds !== undefined || waits !== undefined;
  const listed = {
    ...(project === null ? { allProjects: true } : { project }),
    filter,
    orderBy: { field: order.field, direction: order.direction },
  };
  const variables = { bySample, ...listed, ...pageVariables(search) };
  const whole = load(QUEUES_PAGE, { ...variables, counts: true }, ["problemSummary"]);
  const soon = await Promise.race([whole, pause(COUNTS_WAIT_MS, null)]);
  // One slow pool must not delay the rows: they come without counts then, and the counts follow.
  const loaded = soon ?? (await load(QUEUES_PAGE, { ...variables, counts: false }, ["problemSummary"]));
  const late = soon === null ? whole.then((late) => (late.ok ? late.data.queues.nodes : [])) : null;
  const pools = loaded.ok ? loaded.data.pools.nodes : [];
  const link = (query: { sort?: string; after?: string; before?: string }) =>
    paths.queues(project, {
      search: filter.search,
      pool: filter.pool,
      flavor: filter.flavor,
      deadLetters: filter.isDeadLetterQueue,
      holds,
      waits: waits === undefined ? undefined : Number(waits),
      ...query,
    });

  return (
    <>
      <PageHeader
        title={project === null ? "Queues" : projectLabel(project)}
        crumbs={project === null ? [] : [{ label: "Projects", href: paths.projects() }]}
        description={project === null ? "Queues of all projects that you may see." : undefined}
        actions={
          <>
            <PageQuery document={textOf(QUEUES_PAGE)} variables={{ ...variables, counts: true }} />
            <ExportList list="queues" of="queues" variables={listed} />
            <LinkButton
              kind="ghost"
              href={actHref(scopeOf(project, filter, { holds, waits }), {})}
              needs="startJob"
              where={project ?? undefined}
            >
              {isFiltered ? "Act on all that match…" : "Act on all…"}
            </LinkButton>
            <CreateQueue project={project} />
          </>
        }
      />
      <QueueViews project={project} current={null} groups={loaded.ok ? (loaded.data.problemSummary ?? []) : []} />
      <Panel flush>
        <QueueFilters pools={pools} pool={filter.pool} flavor={filter.flavor} />
        {loaded.ok ? <PoolsBehind sampling={loaded.data.queueSampling ?? null} /> : null}
        {loaded.ok ? (
          <QueueTable
            rows={loaded.data.queues.nodes}
            late={late}
            ofAll={project === null}
            sortLinks={sortLinks(order, link)}
            pager={pagerLinks(loaded.data.queues.pageInfo, search, (page) => link({ sort, ...page }))}
            summary={
              <>
                {summaryOf(loaded.data.queues.count)}
                {loaded.data.queues.asOf ? (
                  <>
                    , {isOrdered ? "in the order of" : "chosen by"} the samples of <Ago at={loaded.data.queues.asOf} />
                  </>
                ) : null}
              </>
            }
            empty={
              isFiltered ? (
                <EmptyState title="No queue matches">
                  {filter.search === undefined
                    ? "No queue meets all of these conditions."
                    : `No queue that begins with “${filter.search}” meets all conditions. Names are case-sensitive.`}
                </EmptyState>
              ) : (
                <EmptyState title="No queues yet" action={<CreateQueue project={project} />}>
                  Create one here, or with the mutation createQueue.
                </EmptyState>
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

function scopeOf(
  project: string | null,
  filter: { search?: string; pool?: string; flavor?: string; isDeadLetterQueue?: boolean },
  { holds = null, waits }: { holds: StateName | null | undefined; waits: string | undefined },
): Scope {
  const { search = null, pool = null, flavor = null, isDeadLetterQueue = false } = filter;
  const conditions = { search, pool, flavor, holds, waits: waits === undefined ? null : Number(waits) };
  return { kind: "queues", project, allProjects: false, ...conditions, deadLetters: isDeadLetterQueue };
}

/** Pools that have queues and were not sampled lately: what an order or a condition by samples makes of them. */
function PoolsBehind({ sampling }: { sampling: ResultOf<typeof QUEUES_PAGE>["queueSampling"] | null }) {
  const behind = (sampling?.behind ?? []).filter(({ pool }) => pool !== null && pool.queueCount.value > 0);
  return behind.map(({ poolName, lastAt, pool }) => (
    <p key={poolName} className="flex flex-wrap items-center gap-x-1.5 border-b border-line px-3 py-1.5">
      <Glyph shape="triangle" ink="warn" />
      <span>
        {formatCount(pool?.queueCount.value ?? 0, pool?.queueCount.exact ? "exact" : "at-least")}{" "}
        {pool?.queueCount.value === 1 ? "queue" : "queues"} of the pool{" "}
        <NameLink href={paths.pool(poolName)}>{poolName}</NameLink>{" "}
        {lastAt === null ? (
          "have had no sample yet, so they come last, and conditions leave them out."
        ) : (
          <>
            have had no sample since <Moment at={lastAt} />, so they are listed as they were then.
          </>
        )}
      </span>
    </p>
  ));
}

/** The links that sort by each column: the other way where the list is sorted by it already. */
function sortLinks(order: Order, link: (query: { sort?: string }) => string): Record<string, SortLink> {
  const links: Record<string, SortLink> = {};
  // Of a column's two orders the first is the one that its link begins with.
  for (const [key, { column, direction }] of Object.entries(ORDERS)) {
    const here = order.column === column;
    const other = here && order.direction === direction;
    if (other || (links[column] !== undefined && !here)) continue;
    links[column] = {
      href: link(key === "name" ? {} : { sort: key }),
      now: here ? (order.direction === "DESC" ? "descending" : "ascending") : null,
    };
  }
  return links;
}

function QueueFilters({
  pools,
  pool,
  flavor,
}: {
  pools: readonly { name: string; flavorName: string | null }[];
  pool: string | undefined;
  flavor: string | undefined;
}) {
  return (
    <FilterBar>
      <SearchBox param="search" label="Find queues whose names begin with" placeholder="Name begins with …" />
      <FilterSelect
        param="pool"
        label="Pool"
        all="All pools"
        choices={choices(
          pools.map(({ name }) => name),
          pool,
        )}
      />
      <FilterSelect
        param="flavor"
        label="Flavor"
        all="All flavors"
        choices={choices(
          pools.map(({ flavorName }) => flavorName),
          flavor,
        )}
      />
      <FilterSelect
        param="holds"
        label="Holding"
        all="Anything"
        choices={STATES.map((state) => ({ value: state, label: state }))}
      />
      <FilterSelect param="waits" label="Oldest ready" all="Any age" choices={WAITS} />
      <FilterCheck param="deadLetters" label="Dead letter queues" />
    </FilterBar>
  );
}

/** The names, each once, and the one that the address has even if no pool has it any more. */
function choices(names: readonly (string | null)[], current: string | undefined): { value: string; label: string }[] {
  const known = new Set([...names, current ?? null].filter((name) => name !== null));
  return [...known].sort().map((name) => ({ value: name, label: name }));
}

function summaryOf(count: { value: number; exact: boolean } | null): string {
  if (count === null) return "";
  const text = formatCount(count.value, count.exact ? "exact" : "at-least");
  return count.value === 1 ? `${text} queue` : `${text} queues`;
}
