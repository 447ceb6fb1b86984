import type { Metadata } from "next";
import { named, one, type Search } from "@/app/address.ts";
import { load, requestTime } from "@/app/execute.ts";
import { actHref, type Choices, readStateNames } from "@/components/acting/choices.ts";
import { MoveQueue } from "@/components/catalogue/move-queue.tsx";
import { hasDeadLetters, RedriveAll } from "@/components/dead-letters/redrive-all.tsx";
import { ExportList } from "@/components/exports/export-list.tsx";
import { Failed } from "@/components/failed.tsx";
import { textOf } from "@/components/graphql.ts";
import { type Browse, browseHref } from "@/components/messages/browse.ts";
import type { OpenMessage } from "@/components/messages/fragments.ts";
import { MessageBrowser } from "@/components/messages/message-browser.tsx";
import { messageRow } from "@/components/messages/message-row.ts";
import { PostMessage } from "@/components/messages/post-message.tsx";
import type { QueueFrameFacts } from "@/components/queues/fragments.ts";
import { PurgeQueue } from "@/components/queues/purge-queue.tsx";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueFailed } from "@/components/queues/queue-without-pool.tsx";
import { TestLoad } from "@/components/test-load/test-load.tsx";
import { EmptyState } from "@/components/ui/states.tsx";
import { exportVariables, type Listed, listedOf, listVariables, readBrowse, STATE_CHOICES } from "./browse.ts";
import { MESSAGES_PAGE, OPEN_MESSAGE } from "./documents.ts";
import { loadQueueNow, QueueNow, QueueRange } from "./queue-now.tsx";

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: messages` };
}

export default async function MessagesPage({ params, searchParams }: Props) {
  const segments = await params;
  const address = { project: named(segments.project), queue: named(segments.name) };
  const { project, queue } = address;
  const search = await searchParams;
  const browse = readBrowse(search);
  const wanted = one(search, "message");
  const id = wanted === "first" || wanted === "last" ? undefined : wanted;
  const variables = { ...address, ...listVariables(browse), open: id !== undefined, message: id ?? "" };
  const readAt = new Date(requestTime()).toISOString();
  const [loaded, now] = await Promise.all([
    load(MESSAGES_PAGE, variables, ["pools"]),
    loadQueueNow(project, queue, search),
  ]);
  const content = loaded.ok ? loaded.data.queue : null;
  const failures = loaded.ok ? loaded.failures : {};
  const failure = failures["queue.messages"] ?? failures["queue.messageSearch"];
  const listed = content === null ? { nodes: [], links: NO_LINKS } : listedOf(content, address, browse);
  const entry = content?.catalogueEntry ?? null;
  const movable =
    loaded.ok && content !== null && entry !== null
      ? {
          project,
          queueName: queue,
          poolName: entry.poolName,
          queue: { attributes: { flavor: content.attributes.flavor } },
          pools: loaded.data.pools?.nodes ?? [],
        }
      : null;
  const reasons = now.data?.queue?.explanation?.reasons ?? [];
  const open = await openMessage(wanted, content, listed, address, browse);
  return (
    <QueueFrame
      project={project}
      name={queue}
      tab="messages"
      queue={loaded.ok ? { ok: true, data: loaded.data.queue } : loaded}
      graphql={{ document: textOf(MESSAGES_PAGE), variables }}
      explained={reasons.map(({ kind }) => kind)}
      tools={
        <>
          <ExportList list="messages" of="messages" variables={exportVariables(address, browse)} />
          <QueueRange
            range={now.range}
            hrefOf={(range) => browseHref(address, { ...browse, others: { ...browse.others, range } }, wanted)}
          />
        </>
      }
      actions={
        <>
          {movable === null ? null : <MoveQueue row={movable} />}
          {content === null ? null : <PurgeQueue project={project} queue={queue} stats={content.stats} />}
          <TestLoad project={project} queue={queue} />
          {content === null ? null : <RedriveAll project={project} name={queue} queue={content} />}
          <PostMessage
            project={project}
            queue={queue}
            plain={hasDeadLetters(content) || reasons.some(({ fix }) => fix !== null)}
          />
        </>
      }
    >
      <QueueNow {...now} stats={content?.stats ?? null} first={!hasDeadLetters(content)} />
      <MessageBrowser
        project={project}
        queue={queue}
        browse={browse}
        states={STATE_CHOICES}
        actHref={actHref({ kind: "queue", project, name: queue }, listedBy(browse))}
        total={totalOf(content?.stats)}
        rows={listed.nodes.map((node) => messageRow(node, browseHref(address, browse, node.id), null))}
        links={listed.links}
        readAt={readAt}
        open={failure || failures["queue.message"] ? null : open}
        empty={<NoMessages browse={browse} />}
        failure={
          failure ? (
            <QueueFailed
              project={project}
              queue={queue}
              pool={content?.catalogueEntry?.poolName ?? null}
              error={failure}
            />
          ) : failures["queue.message"] ? (
            <Failed error={failures["queue.message"]} />
          ) : null
        }
      />
    </QueueFrame>
  );
}

/** The messages that the list goes through, as choices for acting on them. */
function listedBy({ body, state, at, order }: Browse): Partial<Choices> {
  return { body, states: readStateNames(state), ...(order === "newest" ? { before: at } : { from: at }) };
}

/** Null: unknown. */
function totalOf(stats: QueueFrameFacts["stats"] | undefined): number | null {
  return stats ? stats.ready + stats.claimed + stats.delayed + stats.exhausted : null;
}

const NO_LINKS = { first: null, previous: null, next: null, last: null };

type OpenedFacts = {
  message?: OpenMessage["message"] | undefined;
  messageLife?: OpenMessage["life"] | undefined;
} | null;

/** The message that the address names. The first or the last of the page is known only now. */
async function openMessage(
  wanted: string | undefined,
  found: OpenedFacts,
  { nodes }: Listed,
  address: { project: string; queue: string },
  browse: Browse,
): Promise<OpenMessage | null> {
  const closeHref = browseHref(address, browse);
  if (wanted === undefined) return null;
  const facts = (queue: OpenedFacts) => ({ message: queue?.message ?? null, life: queue?.messageLife ?? null });
  if (wanted !== "first" && wanted !== "last") {
    return { ...address, id: wanted, isNamed: true, ...facts(found), closeHref };
  }
  const id = nodes.at(wanted === "first" ? 0 : -1)?.id;
  if (id === undefined) return null;
  const loaded = await load(OPEN_MESSAGE, { ...address, message: id });
  return { ...address, id, isNamed: false, ...facts(loaded.ok ? loaded.data.queue : null), closeHref };
}

function NoMessages({ browse }: { browse: Browse }) {
  if (browse.at !== null || browse.after !== null || browse.before !== null) {
    return <EmptyState title="No messages here">Others are nearer to the other end of the queue.</EmptyState>;
  }
  if (browse.state !== null) {
    return <EmptyState title="No ready messages">Messages may be claimed, delayed or exhausted.</EmptyState>;
  }
  return <EmptyState title="No messages">Post one here, or from a program.</EmptyState>;
}
