import type { Metadata } from "next";
import { Failed } from "../../../../../components/failed.tsx";
import { type MessageDetail, MessageDialog } from "../../../../../components/messages/message-dialog.tsx";
import { type MessageRow, MessageTable } from "../../../../../components/messages/message-table.tsx";
import { OpenById } from "../../../../../components/messages/open-by-id.tsx";
import { PostMessage } from "../../../../../components/messages/post-message.tsx";
import { paths } from "../../../../../components/paths.ts";
import { FilterBar, FilterCheck } from "../../../../../components/ui/filter-bar.tsx";
import { Panel } from "../../../../../components/ui/page.tsx";
import { shorten } from "../../../../../components/ui/shorten.ts";
import { EmptyState } from "../../../../../components/ui/states.tsx";
import { isOn, named, one, type PageInfo, pagerLinks, pageVariables, type Search } from "../../../../address.ts";
import { load } from "../../../../execute.ts";
import { QueueFrame } from "../../../../queue-frame.tsx";
import { QueueFailed } from "../../../../queue-without-pool.tsx";

const MESSAGES = /* GraphQL */ `
  query Messages(
    $project: String
    $queue: String!
    $includeClaimed: Boolean!
    $includeDelayed: Boolean!
    $includeExhausted: Boolean!
    $first: SafeInt
    $after: String
    $last: SafeInt
    $before: String
  ) {
    queue(project: $project, name: $queue) {
      messages(
        includeClaimed: $includeClaimed
        includeDelayed: $includeDelayed
        includeExhausted: $includeExhausted
        first: $first
        after: $after
        last: $last
        before: $before
      ) {
        nodes {
          id
          bodyText
          createdAt
          expiresAt
          delayedUntil
          claimCount
          state
          claim {
            id
            expiresAt
          }
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

const MESSAGE = /* GraphQL */ `
  query Message($project: String, $queue: String!, $id: String!) {
    message(project: $project, queue: $queue, id: $id) {
      id
      marker
      bodyText
      ttlSeconds
      createdAt
      expiresAt
      delayedUntil
      clientId
      claimCount
      state
      claim {
        id
        expiresAt
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
  return { title: `${named((await params).name)}: messages` };
}

export default async function MessagesPage({ params, searchParams }: Props) {
  const { project, name } = await params;
  const address = { project: named(project), queue: named(name) };
  return (
    <QueueFrame
      project={address.project}
      name={address.queue}
      tab="messages"
      actions={<PostMessage project={address.project} queue={address.queue} />}
    >
      <Messages {...address} search={await searchParams} />
    </QueueFrame>
  );
}

async function Messages({ project, queue, search }: { project: string; queue: string; search: Search }) {
  // Everything is shown unless one asks for less: an operator looks for what is stuck, and that is claimed, delayed or
  // exhausted.
  const onlyReady = isOn(search, "ready");
  const id = one(search, "message");
  const place = { ready: onlyReady, after: one(search, "after"), before: one(search, "before") };
  const [page, message] = await Promise.all([
    load<{
      queue: {
        messages: {
          nodes: (Omit<MessageRow, "href" | "preview" | "bytes"> & { bodyText: string })[];
          pageInfo: PageInfo;
        };
      } | null;
    }>(MESSAGES, {
      project,
      queue,
      includeClaimed: !onlyReady,
      includeDelayed: !onlyReady,
      includeExhausted: !onlyReady,
      ...pageVariables(search),
    }),
    id === undefined ? null : load<{ message: MessageDetail | null }>(MESSAGE, { project, queue, id }),
  ]);
  const connection = page.ok ? page.data.queue?.messages : undefined;
  return (
    <Panel flush>
      <FilterBar>
        <FilterCheck param="ready" label="Only what can be claimed now" />
        <OpenById project={project} queue={queue} />
      </FilterBar>
      {connection ? (
        <MessageTable
          rows={connection.nodes.map(({ bodyText, ...row }) => ({
            ...row,
            preview: shorten(bodyText, PREVIEW),
            bytes: Buffer.byteLength(bodyText),
            href: paths.queue(project, queue, "messages", { ...place, message: row.id }),
          }))}
          pager={pagerLinks(connection.pageInfo, search, (to) =>
            paths.queue(project, queue, "messages", { ready: onlyReady, ...to }),
          )}
          empty={
            <EmptyState title={onlyReady ? "Nothing can be claimed now" : "No messages here"}>
              {onlyReady
                ? "What is in the queue is claimed, delayed or exhausted."
                : "Post one, or wait for a program to do so."}
            </EmptyState>
          }
        />
      ) : page.ok ? null : (
        <QueueFailed project={project} queue={queue} error={page.error} />
      )}
      {message === null || id === undefined ? null : message.ok ? (
        <MessageDialog
          project={project}
          queue={queue}
          id={id}
          message={message.data.message}
          closeHref={paths.queue(project, queue, "messages", place)}
        />
      ) : page.ok ? (
        <Failed error={message.error} />
      ) : null}
    </Panel>
  );
}
