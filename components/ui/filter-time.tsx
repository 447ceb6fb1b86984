"use client";

import { X } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";
import { Button } from "./button.tsx";
import { FIRST_PAGE } from "./filter-bar.tsx";
import { Instant } from "./time.tsx";
import { useTimeStyle } from "./time-style.ts";

/** A moment, as a parameter of the address in ISO 8601. `label` says what it bounds, such as "From". */
export function FilterTime({ param, label }: { param: string; label: string }) {
  const router = useRouter();
  const path = usePathname();
  const search = useSearchParams();
  const { zone } = useTimeStyle();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const at = search.get(param);
  const set = (value: string | null) => {
    const next = new URLSearchParams(search);
    for (const name of FIRST_PAGE) next.delete(name);
    if (value === null) next.delete(param);
    else next.set(param, value);
    const query = next.toString();
    router.replace(query ? `${path}?${query}` : path, { scroll: false });
  };
  if (!open && at !== null && !Number.isNaN(Date.parse(at))) {
    return (
      <span className="inline-flex h-7 items-center gap-1.5 rounded border border-line-2 pl-2 max-sm:h-9">
        {label} <Instant at={at} />
        <button
          type="button"
          aria-label={`${label}: any time`}
          onClick={() => set(null)}
          className="rounded p-1.5 text-muted hover:text-ink"
        >
          <X aria-hidden className="size-3.5" />
        </button>
      </span>
    );
  }
  if (!open) return <Button onClick={() => setOpen(true)}>{label}…</Button>;
  return (
    <form
      className="flex gap-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        const time = new Date(zone === "utc" ? `${text}Z` : text);
        if (Number.isNaN(time.getTime())) return;
        setOpen(false);
        set(time.toISOString());
      }}
    >
      <input
        type="datetime-local"
        step={1}
        required
        // biome-ignore lint/a11y/noAutofocus: the button that was just pressed is gone
        autoFocus
        aria-label={`${label}, ${zone === "utc" ? "in UTC" : "in the zone of this browser"}`}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
        className="h-7 rounded border border-line-strong bg-sunken px-2 max-sm:h-9"
      />
      <Button type="submit">Go</Button>
    </form>
  );
}
