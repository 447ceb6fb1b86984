import type { ResultOf } from "gql.tada";
import type { Metadata } from "next";
import { actHref, namedQueues, type Scope } from "../../components/acting/choices.ts";
import { ClaimTable } from "../../components/claims/claim-table.tsx";
import type { ClaimsFound } from "../../components/claims/fragments.ts";
import { counted, holderLabel, holderOf } from "../../components/claims/holder.ts";
import { type Grouping, LeaseLegend, LeaseTimeline, leaseRange } from "../../components/claims/lease-timeline.tsx";
import { ReleaseClaims } from "../../components/claims/release-claims.tsx";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths, segment } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { FilterBar, FilterSelect, SearchBox } from "../../components/ui/filter-bar.tsx";
import { formatCount } from "../../components/ui/format.ts";
import { NameLink } from "../../components/ui/name-link.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { SegmentLinks } from "../../components/ui/segments.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { Ago } from "../../components/ui/time.tsx";
import { chosen, namedParam, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load, requestTime } from "../execute.ts";
import { CLAIMS_OF_QUEUES } from "./documents.ts";

export const metadata: Metadata = { title: "Claims" };

/** By their names in addresses. */
const GROUPINGS: Record<Grouping, { label: string; field: "HOLDER" | "QUEUE" | "EXPIRES_AT" }> = {
  holder: { label: "by holder", field: "HOLDER" },
  queue: { label: "by queue", field: "QUEUE" },
  end: { label: "by end", field: "EXPIRES_AT" },
};
const ENDS = [
  { value: "60", label: "in the next minute" },
  { value: "300", label: "in 5 minutes" },
  { value: "3600", label: "in an hour" },
];

export default async function ClaimsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const by = (chosen(search, "by", { holder: "holder", queue: "queue", end: "end" }) ?? "holder") as Grouping;
  const project = namedParam(search, "project");
  const [queue, holder] = [one(search, "queue"), one(search, "holder")];
  const ends = ENDS.find(({ value }) => value === one(search, "ends"))?.value;
  const variables = {
    ...(project === undefined ? { allProjects: true } : { project, allProjects: false }),
    filter: { queue, holder, endsWithinSeconds: ends === undefined ? undefined : Number(ends) },
    orderBy: { field: GROUPINGS[by].field, direction: "ASC" as const },
    ...pageVariables(search),
  };
  const isFiltered = project !== undefined || queue !== undefined || holder !== undefined || ends !== undefined;
  const loaded = await load(CLAIMS_OF_QUEUES, variables);
  const link = (query: { by?: Grouping; after?: string; before?: string }) => {
    const { by: grouping = by, ...page } = query;
    return paths.claims({ project, queue, holder, ends, by: grouping === "holder" ? undefined : grouping, ...page });
  };
  const found = loaded.ok ? loaded.data.claims : null;
  // All claims of the holder that the address names, or else of the first one that has stopped.
  const stopped = found?.holders.find(({ stoppedAt }) => stoppedAt !== null) ?? null;
  const released = holder ?? stopped?.name ?? null;
  const isSampled = loaded.ok && loaded.data.queueSampling?.on !== false;
  const scope = found && isFiltered ? scopeOf(found, { project, queue, isSampled }) : null;
  const ofOne = found?.nodes.filter((claim) => released !== null && holderOf(claim) === released) ?? [];
  return (
    <>
      <PageHeader
        title={found ? headline(found) : "Claims"}
        description={found ? <Outlook found={found} /> : undefined}
        actions={
          <>
            <PageQuery document={textOf(CLAIMS_OF_QUEUES)} variables={variables} />
            <ExportList list="claims" of="claims" variables={variables} />
            {ofOne[0] === undefined ? null : (
              <ReleaseClaims
                kind={stopped?.name === released ? "primary" : "plain"}
                holder={holderLabel(ofOne[0])}
                claims={ofOne}
              />
            )}
            {scope === null ? null : (
              <LinkButton
                href={actHref(scope, {
                  action: "release",
                  which: holder === undefined && ends === undefined ? "all" : "match",
                  holder: holder ?? null,
                  ends: ends === undefined ? null : new Date(requestTime() + Number(ends) * 1000).toISOString(),
                })}
                needs="startJob"
                where={project}
              >
                Release all that match…
              </LinkButton>
            )}
          </>
        }
      />
      <div className="flex flex-col gap-3">
        <Panel flush>
          <FilterBar>
            <FilterSelect
              param="project"
              label="Project"
              all="All projects"
              choices={projectChoices(loaded.ok ? (loaded.data.projects?.nodes ?? []) : [], project)}
            />
            <SearchBox short param="queue" label="Claims of the queue with this name" placeholder="Queue" />
            <SearchBox short param="holder" label="Claims of this holder" placeholder="Holder" />
            <FilterSelect param="ends" label="Ends" all="at any time" choices={ENDS} />
            <SegmentLinks
              label="Order"
              segments={Object.entries(GROUPINGS).map(([name, { label }]) => ({
                label,
                href: link({ by: name as Grouping }),
                current: name === by,
              }))}
            />
          </FilterBar>
          {found ? <Coverage coverage={found.coverage} sampled={isSampled} /> : null}
        </Panel>
        {!loaded.ok ? <Failed error={loaded.error} /> : null}
        {found && found.nodes.length > 0 ? (
          <>
            <LeaseLegend />
            <LeaseTimeline
              claims={found.nodes}
              holders={found.holders}
              by={by}
              range={leaseRange(found.nodes, requestTime())}
            />
          </>
        ) : null}
        {found ? (
          <Panel flush>
            <ClaimTable
              ofQueues
              rows={found.nodes.map(({ consumer, ...row }) => ({
                ...row,
                href: paths.queue(row.project, row.queueName, "claims", { claim: row.id }),
                holderHref: paths.claims({ holder: holderOf(row) ?? undefined }),
                stoppedAt: consumer?.stoppedAt ?? null,
              }))}
              pager={pagerLinks(found.pageInfo, search, link)}
              empty={
                isFiltered ? (
                  <EmptyState title="No claim matches">
                    No claim of these queues meets all of these conditions. Names are compared exactly.
                  </EmptyState>
                ) : (
                  <EmptyState title="No claims">Clients that claim messages show here within ten seconds.</EmptyState>
                )
              }
            />
          </Panel>
        ) : null}
      </div>
    </>
  );
}

/** More queues are not named one by one. */
const NAMED_QUEUES = 20;

/**
 * The queues of the claims that match, for a job that releases them: those that are listed, when all are, or else those
 * that held claimed messages at their last samples. Null: nothing says which.
 */
function scopeOf(
  { nodes, pageInfo, coverage }: Pick<Listed, "nodes" | "pageInfo" | "coverage">,
  { project, queue, isSampled }: { project: string | undefined; queue: string | undefined; isSampled: boolean },
): Scope | null {
  if (nodes.length === 0) return null;
  if (project !== undefined && queue !== undefined) return { kind: "queue", project, name: queue };
  const queues = new Map(
    nodes.map(({ project: of, queueName: name }) => [JSON.stringify([of, name]), { project: of, name }]),
  );
  const isWhole = !pageInfo.hasNextPage && !pageInfo.hasPreviousPage && coverage.queuesLeftOut.value === 0;
  if (isWhole && queues.size <= NAMED_QUEUES) return namedQueues([...queues.values()]);
  if (queue !== undefined) return null;
  const anywhere = { search: null, pool: null, flavor: null, deadLetters: false, waits: null };
  const where = { project: project ?? null, allProjects: project === undefined };
  return { kind: "queues", ...where, ...anywhere, holds: isSampled ? "claimed" : null };
}

type Listed = NonNullable<ResultOf<typeof CLAIMS_OF_QUEUES>["claims"]>;

/** "12 claims hold 115 messages; 3 end in the next minute" */
function headline({ count, messages, endingClaims }: Pick<ClaimsFound, "count" | "messages" | "endingClaims">): string {
  if (count.value === 0) return "No claims";
  const exact = count.exact ? "exact" : "at-least";
  const claims = counted(count.value, "claim", formatCount(count.value, exact));
  const held = counted(messages.value, "message", formatCount(messages.value, exact));
  const ending = endingClaims === 0 ? "none ends" : endingClaims === 1 ? "1 ends" : `${formatCount(endingClaims)} end`;
  return `${claims} ${count.value === 1 ? "holds" : "hold"} ${held}; ${ending} in the next minute`;
}

/** What happens next, and who has stopped. */
function Outlook({ found: { endingMessages, holders } }: { found: Pick<ClaimsFound, "endingMessages" | "holders"> }) {
  const stopped = holders.filter(({ stoppedAt }) => stoppedAt !== null);
  const [first] = stopped;
  if (endingMessages === 0 && first === undefined) return null;
  return (
    <>
      {endingMessages === 0
        ? null
        : `${counted(endingMessages, "message")} ${endingMessages === 1 ? "becomes" : "become"} ready again unless ${
            endingMessages === 1 ? "its holder renews or deletes it" : "their holders renew or delete them"
          }. `}
      {first === undefined || first.stoppedAt === null ? null : (
        <>
          <NameLink href={paths.claims({ holder: first.name ?? undefined })}>{first.name ?? "unknown"}</NameLink>{" "}
          stopped <Ago at={first.stoppedAt} /> and still holds {counted(first.messages, "message")}.
          {stopped.length > 1 ? ` ${counted(stopped.length - 1, "other holder")} stopped, too.` : ""}
        </>
      )}
    </>
  );
}

/** What the list lacks. */
function Coverage({ coverage, sampled }: { coverage: ClaimsFound["coverage"]; sampled: boolean }) {
  const { asOf, queuesAsked, queuesLeftOut, queuesCut, queuesFailed, failedPools } = coverage;
  const leftOut = formatCount(queuesLeftOut.value, queuesLeftOut.exact ? "exact" : "at-least");
  return (
    <p className="px-3 py-1.5 text-xs text-muted">
      {sampled
        ? `Asked ${counted(queuesAsked, "queue")} that held claimed messages`
        : "Queues are not sampled (QUEUE_SAMPLES is off), so only a queue that you name together with its project is asked"}
      {sampled && asOf !== null ? (
        <>
          {" "}
          at the samples of <Ago at={asOf} />, or gave some since
        </>
      ) : null}
      .{queuesLeftOut.value === 0 ? null : ` ${leftOut} more hold some: choose a project or a queue.`}
      {queuesCut === 0 ? null : ` Of ${counted(queuesCut, "queue")} only the oldest claims were read.`}
      {queuesFailed === 0 ? null : (
        <span className="text-danger">
          {" "}
          {counted(queuesFailed, "queue")} did not answer: the pool{failedPools.length === 1 ? "" : "s"}{" "}
          {failedPools.join(", ")} failed.
        </span>
      )}
    </p>
  );
}

/** The projects, and the one that the address has even if it is not among the first. */
function projectChoices(
  projects: readonly { name: string }[],
  current: string | undefined,
): { value: string; label: string }[] {
  const names = new Set([...projects.map(({ name }) => name), ...(current === undefined ? [] : [current])]);
  return [...names].map((name) => ({ value: segment(name), label: projectLabel(name) }));
}
