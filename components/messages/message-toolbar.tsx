"use client";

import { lazy, Suspense } from "react";
import { Button, LinkButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { FilterBar, FilterCheck, FilterSelect, SearchBox } from "../ui/filter-bar.tsx";
import { Link } from "../ui/link.tsx";
import { BEGINNING, type Browse, browseHref, isSearch } from "./browse.ts";
import { JumpToTime } from "./jump-to-time.tsx";

const ORDERS = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
] as const;

/** Loaded after the rest of the page. */
const OpenById = lazy(() => import("./open-by-id.tsx"));

/** Parameters of the address that another filter makes meaningless. */
const ELSEWHERE = ["after", "before", "end", "searched"];
const WHEN_FOLLOWING = [...ELSEWHERE, "at", "order"];

/** Which messages, from which end, and where. All of it is in the address. */
export function MessageToolbar({
  project,
  queue,
  browse,
  states,
  actHref,
}: {
  project: string;
  queue: string;
  browse: Browse;
  /** The states that can be chosen. An address may have others together: then it shows "All" beside them. */
  states: { value: string; label: string }[];
  /** Where people act on all that is listed. */
  actHref: string;
}) {
  return (
    <FilterBar>
      <nav aria-label="Order" className="flex overflow-hidden rounded border border-line-strong">
        {ORDERS.map(([order, label]) => (
          <Link
            key={order}
            href={browseHref({ project, queue }, { ...browse, ...BEGINNING, at: browse.at, follow: false, order })}
            aria-current={browse.order === order ? "true" : undefined}
            scroll={false}
            className={classes(
              "flex h-6.5 items-center px-2.5 not-first:border-l not-first:border-line-2 focus-visible:-outline-offset-2 max-sm:h-8.5",
              browse.order === order
                ? "bg-raised font-semibold text-ink shadow-[inset_0_-2px_0_var(--accent)]"
                : "text-ink-2 hover:text-ink",
            )}
          >
            {label}
          </Link>
        ))}
      </nav>
      <JumpToTime project={project} queue={queue} browse={browse} />
      {isSearch(browse) ? (
        <Button kind="ghost" disabledReason="A search shows what was there. Clear it to follow the queue.">
          Follow live
        </Button>
      ) : (
        <FilterCheck param="follow" label="Follow live" forget={WHEN_FOLLOWING} />
      )}
      <FilterSelect param="state" label="State" all="All" choices={states} forget={ELSEWHERE} />
      <SearchBox param="body" label="Find in bodies" forget={ELSEWHERE} />
      <Suspense fallback={null}>
        <OpenById project={project} queue={queue} browse={browse} />
      </Suspense>
      <LinkButton kind="ghost" href={actHref} needs="startJob" where={project}>
        {(browse.body ?? browse.state ?? browse.at) ? "Act on all that match…" : "Act on all…"}
      </LinkButton>
    </FilterBar>
  );
}
