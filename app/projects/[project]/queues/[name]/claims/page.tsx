import type { ResultOf } from "gql.tada";
import type { Metadata } from "next";
import { named, one, pagerLinks, pageVariables, type Search } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { actHref } from "@/components/acting/choices.ts";
import { ClaimDialog } from "@/components/claims/claim-dialog.tsx";
import { ClaimTable } from "@/components/claims/claim-table.tsx";
import { CreateClaim } from "@/components/claims/create-claim.tsx";
import type { CLAIM_DETAIL, ClaimDetail } from "@/components/claims/fragments.ts";
import { ConsumerTable } from "@/components/consumers/consumer-table.tsx";
import { ExportList } from "@/components/exports/export-list.tsx";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import { paths } from "@/components/paths.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueFailed } from "@/components/queues/queue-without-pool.tsx";
import { Panel } from "@/components/ui/page.tsx";
import { shorten } from "@/components/ui/shorten.ts";
import { EmptyState } from "@/components/ui/states.tsx";
import { CLAIMS_PAGE } from "../documents.ts";

/** Characters of a body that a row shows. */
const PREVIEW = 200;

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: claims` };
}

export default async function ClaimsPage({ params, searchParams }: Props) {
  const segments = await params;
  const [project, queue] = [named(segments.project), named(segments.name)];
  const search = await searchParams;
  const id = one(search, "claim");
  const position = { columns: one(search, "columns"), after: one(search, "after"), before: one(search, "before") };
  const variables = { project, queue, ...pageVariables(search), open: id !== undefined, claim: id ?? "" };
  const loaded = await load(CLAIMS_PAGE, variables);
  const content = loaded.ok ? loaded.data.queue : null;
  const failure = loaded.ok ? loaded.failures["queue.claims"] : undefined;
  return (
    <QueueFrame
      project={project}
      name={queue}
      tab="claims"
      queue={loaded.ok ? { ok: true, data: loaded.data.queue } : loaded}
      graphql={{ document: textOf(CLAIMS_PAGE), variables }}
      actions={<CreateClaim project={project} queue={queue} />}
    >
      {loaded.ok ? (
        <div className="flex flex-col gap-3">
          <Panel
            flush
            title="Claims"
            actions={<ExportList list="queue-claims" of="claims" variables={{ project, queue }} />}
          >
            {content?.claims ? (
              <ClaimTable
                rows={content.claims.nodes.map((row) => ({
                  ...row,
                  href: paths.queue(project, queue, "claims", { ...position, claim: row.id }),
                }))}
                pager={pagerLinks(content.claims.pageInfo, search, (to) => paths.queue(project, queue, "claims", to))}
                all={actHref({ kind: "queue", project, name: queue }, { action: "release", which: "all" })}
                empty={<EmptyState title="No claims">Clients that claim messages show here.</EmptyState>}
              />
            ) : failure ? (
              <QueueFailed
                project={project}
                queue={queue}
                pool={content?.catalogueEntry?.poolName ?? null}
                error={failure}
              />
            ) : null}
            {failure || id === undefined ? null : loaded.failures["queue.claim"] ? (
              <Failed error={loaded.failures["queue.claim"]} />
            ) : (
              <ClaimDialog
                project={project}
                queue={queue}
                id={id}
                claim={content?.claim ? withPreviews(content.claim) : null}
                closeHref={paths.queue(project, queue, "claims", position)}
              />
            )}
          </Panel>
          {content?.consumers ? (
            <Panel
              flush
              title="Consumers"
              actions={<ExportList list="consumers" of="consumers" variables={{ project, queue }} />}
            >
              <ConsumerTable
                rows={content.consumers.nodes}
                empty={
                  <EmptyState title="No consumers">
                    Clients that claim or pop messages show here within ten seconds, and for a week.
                  </EmptyState>
                }
              />
            </Panel>
          ) : null}
        </div>
      ) : null}
    </QueueFrame>
  );
}

/** Bodies stay on the server: the dialog gets the beginning of each. */
function withPreviews({ messages, ...claim }: ResultOf<typeof CLAIM_DETAIL>): ClaimDetail {
  return {
    ...claim,
    messages:
      messages?.map(({ bodyText, ...message }) => ({ ...message, preview: shorten(bodyText, PREVIEW) })) ?? null,
  };
}
