import type { Metadata } from "next";
import { isOn, named, one, pagerLinks, pageVariables, type Search } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import { MessageDialog } from "@/components/messages/message-dialog.tsx";
import { MessageTable } from "@/components/messages/message-table.tsx";
import { OpenById } from "@/components/messages/open-by-id.tsx";
import { PostMessage } from "@/components/messages/post-message.tsx";
import { paths } from "@/components/paths.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueFailed } from "@/components/queues/queue-without-pool.tsx";
import { FilterBar, FilterCheck } from "@/components/ui/filter-bar.tsx";
import { Panel } from "@/components/ui/page.tsx";
import { shorten } from "@/components/ui/shorten.ts";
import { EmptyState } from "@/components/ui/states.tsx";
import { MESSAGES_PAGE } from "./documents.ts";

/** Characters of a body that a row shows. */
const PREVIEW = 200;

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: messages` };
}

export default async function MessagesPage({ params, searchParams }: Props) {
  const segments = await params;
  const [project, queue] = [named(segments.project), named(segments.name)];
  const search = await searchParams;
  // By default in every state: an operator looks for stuck messages, which are claimed, delayed or exhausted.
  const onlyReady = isOn(search, "ready");
  const id = one(search, "message");
  const position = {
    ready: onlyReady,
    columns: one(search, "columns"),
    after: one(search, "after"),
    before: one(search, "before"),
  };
  const variables = {
    project,
    queue,
    includeClaimed: !onlyReady,
    includeDelayed: !onlyReady,
    includeExhausted: !onlyReady,
    ...pageVariables(search),
    open: id !== undefined,
    message: id ?? "",
  };
  const loaded = await load(MESSAGES_PAGE, variables);
  const content = loaded.ok ? loaded.data.queue : null;
  const failure = loaded.ok ? loaded.failures["queue.messages"] : undefined;
  return (
    <QueueFrame
      project={project}
      name={queue}
      tab="messages"
      queue={loaded.ok ? { ok: true, data: loaded.data.queue } : loaded}
      graphql={{ document: textOf(MESSAGES_PAGE), variables }}
      actions={<PostMessage project={project} queue={queue} />}
    >
      {loaded.ok ? (
        <Panel flush>
          <FilterBar>
            <FilterCheck param="ready" label="Only ready messages" />
            <OpenById project={project} queue={queue} />
          </FilterBar>
          {content?.messages ? (
            <MessageTable
              rows={content.messages.nodes.map(({ bodyText, ...row }) => ({
                ...row,
                preview: shorten(bodyText, PREVIEW),
                bytes: Buffer.byteLength(bodyText),
                href: paths.queue(project, queue, "messages", { ...position, message: row.id }),
              }))}
              pager={pagerLinks(content.messages.pageInfo, search, (to) =>
                paths.queue(project, queue, "messages", { ready: onlyReady, ...to }),
              )}
              empty={
                onlyReady ? (
                  <EmptyState title="No ready messages">Messages may be claimed, delayed or exhausted.</EmptyState>
                ) : (
                  <EmptyState title="No messages">Post one here, or from a program.</EmptyState>
                )
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
          {failure || id === undefined ? null : loaded.failures["queue.message"] ? (
            <Failed error={loaded.failures["queue.message"]} />
          ) : (
            <MessageDialog
              project={project}
              queue={queue}
              id={id}
              message={content?.message ?? null}
              life={content?.messageLife ?? null}
              closeHref={paths.queue(project, queue, "messages", position)}
            />
          )}
        </Panel>
      ) : null}
    </QueueFrame>
  );
}
