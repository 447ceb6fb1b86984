"use client";

import { X } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";
import { Instant } from "../ui/time.tsx";
import { useTimeStyle } from "../ui/time-style.ts";
import { BEGINNING, type Browse, browseHref } from "./browse.ts";

/** Goes to where a queue was at a time. */
export function JumpToTime({ project, queue, browse }: { project: string; queue: string; browse: Browse }) {
  const router = useRouter();
  const { zone } = useTimeStyle();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
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
    <form
      className="flex gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        const time = new Date(zone === "utc" ? `${text}Z` : text);
        if (Number.isNaN(time.getTime())) return;
        setOpen(false);
        router.push(hrefAt(time.toISOString()), { scroll: false });
      }}
    >
      <input
        type="datetime-local"
        step={1}
        required
        // biome-ignore lint/a11y/noAutofocus: the button that was just pressed is gone
        autoFocus
        aria-label={zone === "utc" ? "Time, in UTC" : "Time, in the zone of this browser"}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
        className="h-7 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
      />
      <Button type="submit">Go</Button>
    </form>
  );
}
