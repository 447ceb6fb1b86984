import type { Metadata } from "next";
import { type ClaimDetail, ClaimDialog } from "../../../../../../components/claims/claim-dialog.tsx";
import { type ClaimRow, ClaimTable } from "../../../../../../components/claims/claim-table.tsx";
import { CreateClaim } from "../../../../../../components/claims/create-claim.tsx";
import { Failed } from "../../../../../../components/failed.tsx";
import { paths } from "../../../../../../components/paths.ts";
import { Panel } from "../../../../../../components/ui/page.tsx";
import { shorten } from "../../../../../../components/ui/shorten.ts";
import { EmptyState } from "../../../../../../components/ui/states.tsx";
import { named, one, type PageInfo, pagerLinks, pageVariables, type Search } from "../../../../../address.ts";
import { load } from "../../../../../execute.ts";
import { QueueFrame } from "../../../../../queue-frame.tsx";
import { QueueFailed } from "../../../../../queue-without-pool.tsx";

const CLAIM_FIELDS = `
  id
  ttlSeconds
  graceSeconds
  createdAt
  renewedAt
  expiresAt
  clientId
  actor
  messageCount
`;

const CLAIMS = /* GraphQL */ `
  query Claims($project: String, $queue: String!, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    queue(project: $project, name: $queue) {
      claims(first: $first, after: $after, last: $last, before: $before) {
        nodes {
          ${CLAIM_FIELDS}
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
  }
`;

const CLAIM = /* GraphQL */ `
  query Claim($project: String, $queue: String!, $id: String!) {
    claim(project: $project, queue: $queue, id: $id) {
      ${CLAIM_FIELDS}
      messages {
        id
        bodyText
        expiresAt
        claimCount
      }
    }
  }
`;

/** Characters of a body that a row may show. */
const PREVIEW = 200;

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: claims` };
}

export default async function ClaimsPage({ params, searchParams }: Props) {
  const { project, name } = await params;
  const address = { project: named(project), queue: named(name) };
  return (
    <QueueFrame
      project={address.project}
      name={address.queue}
      tab="claims"
      actions={<CreateClaim project={address.project} queue={address.queue} />}
    >
      <Claims {...address} search={await searchParams} />
    </QueueFrame>
  );
}

type Claim = Omit<ClaimRow, "href" | "project" | "queue">;
type ClaimWithBodies = Claim & { messages: { id: string; bodyText: string; expiresAt: string; claimCount: number }[] };

async function Claims({ project, queue, search }: { project: string; queue: string; search: Search }) {
  const id = one(search, "claim");
  const place = { after: one(search, "after"), before: one(search, "before") };
  const [page, claim] = await Promise.all([
    load<{ queue: { claims: { nodes: Claim[]; pageInfo: PageInfo } } | null }>(CLAIMS, {
      project,
      queue,
      ...pageVariables(search),
    }),
    id === undefined ? null : load<{ claim: ClaimWithBodies | null }>(CLAIM, { project, queue, id }),
  ]);
  const connection = page.ok ? page.data.queue?.claims : undefined;
  return (
    <Panel flush>
      {connection ? (
        <ClaimTable
          rows={connection.nodes.map((row) => ({
            ...row,
            project,
            queue,
            href: paths.queue(project, queue, "claims", { ...place, claim: row.id }),
          }))}
          pager={pagerLinks(connection.pageInfo, search, (to) => paths.queue(project, queue, "claims", to))}
          empty={
            <EmptyState title="Nobody holds a message of this queue">
              A worker that claims messages shows here, with how long it still has.
            </EmptyState>
          }
        />
      ) : page.ok ? null : (
        <QueueFailed project={project} queue={queue} error={page.error} />
      )}
      {claim === null || id === undefined ? null : claim.ok ? (
        <ClaimDialog
          project={project}
          queue={queue}
          id={id}
          claim={claim.data.claim && detailOf(claim.data.claim)}
          closeHref={paths.queue(project, queue, "claims", place)}
        />
      ) : page.ok ? (
        <Failed error={claim.error} />
      ) : null}
    </Panel>
  );
}

function detailOf({ messages, ...claim }: ClaimWithBodies): ClaimDetail {
  return {
    ...claim,
    messages: messages.map(({ bodyText, ...message }) => ({ ...message, preview: shorten(bodyText, PREVIEW) })),
  };
}
