import { Info } from "lucide-react";
import type { Metadata } from "next";
import { named, pagerLinks, pageVariables, type Search } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { ExportList } from "@/components/exports/export-list.tsx";
import { textOf } from "@/components/graphql.ts";
import { paths } from "@/components/paths.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueFailed } from "@/components/queues/queue-without-pool.tsx";
import { CreateSubscription } from "@/components/subscriptions/create-subscription.tsx";
import { SubscriptionTable } from "@/components/subscriptions/subscription-table.tsx";
import { Panel } from "@/components/ui/page.tsx";
import { EmptyState } from "@/components/ui/states.tsx";
import { SUBSCRIPTIONS_PAGE } from "../documents.ts";

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: subscriptions` };
}

export default async function SubscriptionsPage({ params, searchParams }: Props) {
  const segments = await params;
  const [project, queue] = [named(segments.project), named(segments.name)];
  const search = await searchParams;
  const variables = { project, queue, ...pageVariables(search) };
  const loaded = await load(SUBSCRIPTIONS_PAGE, variables);
  const content = loaded.ok ? loaded.data.queue : null;
  const failure = loaded.ok ? loaded.failures["queue.subscriptions"] : undefined;
  const create = <CreateSubscription project={project} queue={queue} />;
  return (
    <QueueFrame
      project={project}
      name={queue}
      tab="subscriptions"
      queue={loaded.ok ? { ok: true, data: loaded.data.queue } : loaded}
      graphql={{ document: textOf(SUBSCRIPTIONS_PAGE), variables }}
      tools={<ExportList list="subscriptions" of="subscriptions" variables={{ project, queue }} />}
      actions={create}
    >
      <p className="mb-4 flex items-start gap-2 text-muted">
        <Info aria-hidden className="mt-0.5 size-4 shrink-0" />
        Subscriptions are stored. Nothing is delivered to subscribers yet.
      </p>
      {loaded.ok ? (
        <Panel flush>
          {content?.subscriptions ? (
            <SubscriptionTable
              rows={content.subscriptions.nodes}
              pager={pagerLinks(content.subscriptions.pageInfo, search, (to) =>
                paths.queue(project, queue, "subscriptions", to),
              )}
              empty={
                <EmptyState title="No subscriptions" action={create}>
                  A subscriber is an address that is notified of new messages.
                </EmptyState>
              }
            />
          ) : failure ? (
            <QueueFailed
              project={project}
              queue={queue}
              pool={content?.catalogueEntry?.poolName ?? null}
              error={failure}
            />
          ) : null}
        </Panel>
      ) : null}
    </QueueFrame>
  );
}
