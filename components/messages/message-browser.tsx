"use client";

import { useRouter } from "next/navigation";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { formatCount } from "../ui/format.ts";
import { Panel } from "../ui/page.tsx";
import type { PagerLinks } from "../ui/table.tsx";
import { useServerClock } from "../ui/time.tsx";
import { type Browse, beside, browseHref, isSearch } from "./browse.ts";
import type { MessageRow, OpenMessage, Steps } from "./fragments.ts";
import { messageRow } from "./message-row.ts";
import { MessageTable } from "./message-table.tsx";
import { MessageToolbar } from "./message-toolbar.tsx";
import { OpenedMessage } from "./open-message.tsx";

/** Rows that are shown while messages come in. */
const MOST_ROWS = 200;

interface Props {
  project: string;
  queue: string;
  browse: Browse;
  /** The states that can be chosen. */
  states: { value: string; label: string }[];
  /** Where people act on all that is listed. */
  actHref: string;
  /** How many messages the queue has. Null: unknown. */
  total: number | null;
  /** A page of the queue, in the order that is shown; none for a search. */
  rows: MessageRow[];
  links: PagerLinks;
  /** When the rows were read, as ISO 8601. */
  readAt: string;
  open: OpenMessage | null;
  empty: ReactNode;
  /** Instead of the messages: why there are none to show. */
  failure: ReactNode;
}

/** The messages of a queue, and the open one. */
export function MessageBrowser({ failure, open, ...list }: Props) {
  const { project, queue, browse, links } = list;
  const [found, setFound] = useState<MessageRow[]>([]);
  const searching = isSearch(browse);
  const { rows, arrived } = useFollowed(list);
  const shown = searching ? found : rows;
  const openId = open?.id ?? null;
  useAddressOfOpen(open, shown);
  const filterKey = JSON.stringify([browse.body, browse.state, browse.order, browse.at]);
  return (
    <>
      <Panel flush>
        <MessageToolbar {...list} />
        {failure ? (
          failure
        ) : searching ? (
          <Suspense fallback={<div className="h-24" />}>
            <MessageSearch
              key={filterKey}
              project={project}
              queue={queue}
              browse={browse}
              total={list.total}
              open={openId}
              onRows={setFound}
            />
          </Suspense>
        ) : (
          <MessageTable
            project={project}
            queue={queue}
            label={browse.order === "newest" ? "Messages, newest first" : "Messages, oldest first"}
            rows={rows}
            open={openId}
            pager={links}
            summary={
              browse.follow
                ? `Following: ${formatCount(arrived)} came in. Looking does not consume.`
                : "Looking does not consume."
            }
            empty={list.empty}
          />
        )}
      </Panel>
      {open === null ? null : <OpenedMessage {...open} steps={stepsOf(open, shown, { ...list, searching })} />}
    </>
  );
}

/** The messages beside the open one. At the edge of a page they are on the next one; a search ends with its rows. */
function stepsOf(
  { id, message }: OpenMessage,
  rows: readonly MessageRow[],
  {
    project,
    queue,
    browse,
    links,
    searching,
  }: Pick<Props, "project" | "queue" | "browse" | "links"> & {
    searching: boolean;
  },
): Steps {
  const at = rows.findIndex((row) => row.id === id);
  const marker = rows[at]?.marker ?? message?.marker;
  const to = (step: -1 | 1, isLast: boolean) => {
    const row = at === -1 ? undefined : rows[at + step];
    if (row !== undefined) return row.href;
    if (searching || isLast || marker === undefined) return null;
    const there = beside(browse, marker, step);
    return browseHref({ project, queue }, there.browse, there.message);
  };
  return {
    previous: to(-1, at === 0 && links.previous === null),
    next: to(1, at === rows.length - 1 && at !== -1 && links.next === null),
  };
}

/** The first and the last message of a page are opened by these words. Then the address names the message itself. */
function useAddressOfOpen(open: OpenMessage | null, rows: readonly MessageRow[]): void {
  const router = useRouter();
  const href = open?.isNamed === false ? rows.find(({ id }) => id === open.id)?.href : undefined;
  useEffect(() => {
    if (href !== undefined) router.replace(href, { scroll: false });
  }, [href, router]);
}

/** The rows, and above them what was posted since they were read, while the address says so. */
function useFollowed({
  project,
  queue,
  browse,
  rows,
  readAt,
}: Pick<Props, "project" | "queue" | "browse" | "rows" | "readAt">): { rows: MessageRow[]; arrived: number } {
  const [tail, setTail] = useState<{ rows: MessageRow[]; arrived: number }>({ rows: [], arrived: 0 });
  const now = useServerClock();
  const following = browse.follow && !isSearch(browse);
  const newest = rows[0]?.marker;
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that are read later overlap with what has come
  useEffect(() => {
    if (!following) return;
    const stop = new AbortController();
    const hrefOf = (id: string) => browseHref({ project, queue }, browse, id);
    void import("./message-tail.ts").then(({ followMessages }) =>
      followMessages({
        project,
        queue,
        after: newest,
        now,
        signal: stop.signal,
        onGap: () => setTail(({ arrived }) => ({ rows: [], arrived })),
        onPosted: (posted) =>
          setTail(({ rows: before, arrived }) => ({
            rows: [
              ...posted
                .slice(-MOST_ROWS)
                .map((node) => messageRow(node, hrefOf(node.id), null))
                .reverse(),
              ...before,
            ].slice(0, MOST_ROWS),
            arrived: arrived + posted.length,
          })),
      }),
    );
    return () => {
      stop.abort();
      setTail({ rows: [], arrived: 0 });
    };
  }, [following, project, queue, browse.state, now]);
  const merged = useMemo(() => {
    if (!following) return rows;
    // What was posted before the rows were read and is not among them is gone.
    const isNew = ({ marker, createdAt }: MessageRow) =>
      createdAt > readAt && (newest === undefined || isAbove(marker, newest));
    const fresh = tail.rows.filter((row) => isNew(row) && (browse.state === null || row.state === "READY"));
    return [...fresh, ...rows].slice(0, MOST_ROWS);
  }, [following, tail.rows, rows, readAt, newest, browse.state]);
  return { rows: merged, arrived: tail.arrived };
}

/** Markers are numbers that JavaScript may not hold exactly. */
const isAbove = (marker: string, other: string) =>
  marker.length === other.length ? marker > other : marker.length > other.length;

/** Loaded when somebody searches. */
const MessageSearch = lazy(() => import("./message-search.tsx"));
