"use client";

import { useEffect, useRef, useState } from "react";
import { ApiError, callApi } from "../api.ts";
import { Failed } from "../failed.tsx";
import { textOf } from "../graphql.ts";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { useShownRequest } from "../ui/shown-requests.ts";
import { EmptyState } from "../ui/states.tsx";
import { Instant } from "../ui/time.tsx";
import { type Browse, browseHref } from "./browse.ts";
import { SEARCH_MESSAGES } from "./documents.ts";
import type { MessageRow } from "./fragments.ts";
import { messageRow } from "./message-row.ts";
import { MessageTable } from "./message-table.tsx";

/** Messages that a search looks at before it asks whether to go on. */
const STEP = 20_000;
/** Messages that it finds before it asks. */
const FOUND = 50;

interface Found {
  rows: MessageRow[];
  examined: number;
  reachedAt: string | null;
  cursor: string | null;
  done: boolean;
}

const NOTHING: Found = { rows: [], examined: 0, reachedAt: null, cursor: null, done: false };

export interface SearchProps {
  project: string;
  queue: string;
  browse: Browse;
  /** How many messages the queue has. Null: unknown. */
  total: number | null;
  open: string | null;
  onRows: (rows: MessageRow[]) => void;
}

/** Searches a queue, a part at a time, and says how far it came. What it found stays as it was found. */
export default function MessageSearch({ project, queue, browse, total, open, onRows }: SearchProps) {
  const [found, setFound] = useState(NOTHING);
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const stop = useRef(new AbortController());
  const asked = questionOf({ project, queue, browse }, NOTHING, STEP);
  useShownRequest({ name: "The search", document: textOf(SEARCH_MESSAGES), calls: [asked] });

  /** Goes on until it has looked at so many, or found some more. */
  const search = async (begin: Found, goal: number) => {
    stop.current.abort();
    const turn = new AbortController();
    stop.current = turn;
    setRunning(true);
    setFailure(null);
    let now = begin;
    try {
      while (!now.done && now.examined < goal && now.rows.length < begin.rows.length + FOUND) {
        now = await searchPart({ project, queue, browse }, now, Math.min(STEP, goal - now.examined));
        if (turn.signal.aborted) return;
        setFound(now);
        onRows(now.rows);
      }
      if (now.examined > STEP) rememberSearched(now.examined);
    } catch (error) {
      if (!turn.signal.aborted) setFailure(error instanceof ApiError ? error : new ApiError("INTERNAL", String(error)));
    } finally {
      if (!turn.signal.aborted) setRunning(false);
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: once; another filter is another component
  useEffect(() => {
    void search(NOTHING, Math.max(STEP, browse.searched));
    return () => stop.current.abort();
  }, []);

  const { rows, examined, done } = found;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5">
        {total === null || total === 0 ? null : (
          <span aria-hidden className="h-1.5 w-24 overflow-hidden rounded-[2px] bg-line max-sm:w-full">
            <span
              className="block h-full bg-accent-fill"
              style={{ width: `${done ? 100 : Math.min(100, (examined / total) * 100)}%` }}
            />
          </span>
        )}
        <p role="status" className="min-w-0">
          <Covered found={found} browse={browse} total={total} running={running} />
        </p>
        {running ? (
          <Button
            size="small"
            onClick={() => {
              stop.current.abort();
              setRunning(false);
            }}
          >
            Stop
          </Button>
        ) : (
          <>
            {done ? null : (
              <>
                <Button size="small" onClick={() => void search(found, examined + STEP)}>
                  Search {formatCount(STEP)} more
                </Button>
                <Button size="small" kind="ghost" onClick={() => void search(found, Number.POSITIVE_INFINITY)}>
                  Search until some are found
                </Button>
              </>
            )}
            <Button size="small" kind="ghost" onClick={() => void search(NOTHING, Math.max(STEP, examined))}>
              Search again
            </Button>
          </>
        )}
        <span className="ml-auto text-xs text-muted max-md:hidden">Looking does not consume.</span>
      </div>
      {failure ? <Failed error={failure} /> : null}
      <MessageTable
        project={project}
        queue={queue}
        label="Messages that were found"
        rows={rows}
        open={open}
        empty={
          running || failure ? (
            <div className="h-24" />
          ) : done ? (
            <EmptyState title="No message matches">All messages were looked at.</EmptyState>
          ) : (
            <EmptyState title="None so far">There are more messages to search.</EmptyState>
          )
        }
      />
    </>
  );
}

/** How far a search came, in words. */
function Covered({
  found: { rows, examined, reachedAt, done },
  browse: { order, at },
  total,
  running,
}: {
  found: Found;
  browse: Browse;
  total: number | null;
  running: boolean;
}) {
  const count = <strong className="font-semibold">{formatCount(examined)}</strong>;
  const newest = order === "newest";
  const what =
    at !== null ? (
      <>
        {count} posted {newest ? "before" : "since"} <Instant at={at} />
      </>
    ) : done ? (
      <>all {count}</>
    ) : (
      <>
        the {newest ? "newest" : "oldest"} {count}
        {total === null ? null : ` of ${formatCount(Math.max(total, examined))}`}
      </>
    );
  return (
    <>
      {running ? "Searching… " : null}
      Searched {what}
      {done || reachedAt === null ? null : (
        <>
          , {newest ? "back to" : "up to"} <Instant at={reachedAt} />
        </>
      )}
      ; <strong className="font-semibold">{formatCount(rows.length)}</strong> {rows.length === 1 ? "matches" : "match"}.
    </>
  );
}

type Searched = Pick<SearchProps, "project" | "queue" | "browse">;

/** What asks for the part that follows what was found. */
function questionOf({ project, queue, browse }: Searched, { cursor }: Found, examine: number) {
  const { body, state, at, order } = browse;
  const newest = order === "newest";
  const filter = {
    bodyContains: body,
    // The names of the API are the same ones in capitals.
    states: state === null ? null : (state.toUpperCase().split(",") as States),
    ...(newest ? { postedBefore: at } : { postedFrom: at }),
  };
  const direction = newest ? "DESC" : "ASC";
  return { project, queue, filter, direction, first: FOUND, after: cursor, examine } as const;
}

async function searchPart(searched: Searched, begin: Found, examine: number): Promise<Found> {
  const part = (await callApi(SEARCH_MESSAGES, questionOf(searched, begin, examine))).queue?.messageSearch;
  if (!part) return { ...begin, done: true };
  const { browse, ...address } = searched;
  const rows = part.nodes.map((node) => messageRow(node, browseHref(address, browse, node.id), browse.body));
  return {
    rows: [...begin.rows, ...rows],
    examined: begin.examined + part.examined,
    reachedAt: part.reachedAt ?? begin.reachedAt,
    cursor: part.endCursor ?? begin.cursor,
    done: part.done,
  };
}

type States = ("READY" | "CLAIMED" | "DELAYED" | "EXHAUSTED")[];

/** The address says how far the search came, so that whoever opens it gets as far. Nothing is loaded for that. */
function rememberSearched(examined: number): void {
  const address = new URL(location.href);
  address.searchParams.set("searched", String(examined));
  history.replaceState(null, "", address);
}
