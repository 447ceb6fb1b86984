import { Info } from "lucide-react";
import type { Metadata } from "next";
import { paths } from "../../../../../../components/paths.ts";
import { CreateSubscription } from "../../../../../../components/subscriptions/create-subscription.tsx";
import {
  type SubscriptionRow,
  SubscriptionTable,
} from "../../../../../../components/subscriptions/subscription-table.tsx";
import { Panel } from "../../../../../../components/ui/page.tsx";
import { EmptyState } from "../../../../../../components/ui/states.tsx";
import { named, type PageInfo, pagerLinks, pageVariables, type Search } from "../../../../../address.ts";
import { load } from "../../../../../execute.ts";
import { QueueFrame } from "../../../../../queue-frame.tsx";
import { QueueFailed } from "../../../../../queue-without-pool.tsx";

const SUBSCRIPTIONS = /* GraphQL */ `
  query QueueSubscriptions(
    $project: String
    $queue: String!
    $first: SafeInt
    $after: String
    $last: SafeInt
    $before: String
  ) {
    queueSubscriptions(project: $project, queue: $queue, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        id
        project
        queue
        subscriber
        createdAt
        expiresAt
        optionsText
        confirmed
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`;

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: subscriptions` };
}

export default async function SubscriptionsPage({ params, searchParams }: Props) {
  const { project, name } = await params;
  const address = { project: named(project), queue: named(name) };
  return (
    <QueueFrame
      project={address.project}
      name={address.queue}
      tab="subscriptions"
      actions={<CreateSubscription project={address.project} queue={address.queue} />}
    >
      <p className="mb-4 flex items-start gap-2 text-muted">
        <Info aria-hidden className="mt-0.5 size-4 shrink-0" />
        Subscriptions are stored, but nothing is delivered yet: no subscriber hears of a message.
      </p>
      <Subscriptions {...address} search={await searchParams} />
    </QueueFrame>
  );
}

async function Subscriptions({ project, queue, search }: { project: string; queue: string; search: Search }) {
  const page = await load<{ queueSubscriptions: { nodes: SubscriptionRow[]; pageInfo: PageInfo } }>(SUBSCRIPTIONS, {
    project,
    queue,
    ...pageVariables(search),
  });
  return (
    <Panel flush>
      {page.ok ? (
        <SubscriptionTable
          rows={page.data.queueSubscriptions.nodes}
          pager={pagerLinks(page.data.queueSubscriptions.pageInfo, search, (to) =>
            paths.queue(project, queue, "subscriptions", to),
          )}
          empty={
            <EmptyState title="Nobody is subscribed" action={<CreateSubscription project={project} queue={queue} />}>
              A subscriber is an address that is to hear of new messages.
            </EmptyState>
          }
        />
      ) : (
        <QueueFailed project={project} queue={queue} error={page.error} />
      )}
    </Panel>
  );
}
