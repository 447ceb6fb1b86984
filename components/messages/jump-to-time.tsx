"use client";

import { X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";
import { Instant } from "../ui/time.tsx";
import { BEGINNING, type Browse, browseHref } from "./browse.ts";

/** Goes to where a queue was at a time. */
export function JumpToTime({ project, queue, browse }: { project: string; queue: string; browse: Browse }) {
  const [open, setOpen] = useState(false);
  const hrefAt = (at: string | null) => browseHref({ project, queue }, { ...browse, ...BEGINNING, follow: false, at });
  if (browse.at !== null && !open) {
    return (
      <span className="inline-flex h-7 items-center gap-1.5 rounded border border-line-2 pl-2 max-sm:h-9">
        {browse.order === "newest" ? "Before" : "Since"} <Instant at={browse.at} />
        <Link href={hrefAt(null)} aria-label="From the end again" className="rounded p-1.5 text-muted hover:text-ink">
          <X aria-hidden className="size-3.5" />
        </Link>
      </span>
    );
  }
  if (!open) {
    return <Button onClick={() => setOpen(true)}>At a time…</Button>;
  }
  return (
    <Suspense fallback={null}>
      <JumpToTimeForm hrefAt={hrefAt} close={() => setOpen(false)} />
    </Suspense>
  );
}

/** Loaded when it is first asked for. */
const JumpToTimeForm = lazy(() => import("./jump-to-time-form.tsx"));
