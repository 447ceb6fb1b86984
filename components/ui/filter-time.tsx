"use client";

import { X } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";
import { Button } from "./button.tsx";
import { FIRST_PAGE } from "./filter-bar.tsx";
import { Instant } from "./time.tsx";
import { TimeForm } from "./time-form.tsx";

/** A moment, as a parameter of the address in ISO 8601. `label` says what it bounds, such as "From". */
export function FilterTime({ param, label }: { param: string; label: string }) {
  const router = useRouter();
  const path = usePathname();
  const search = useSearchParams();
  const [open, setOpen] = useState(false);
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
  return <TimeForm label={label} onTime={set} close={() => setOpen(false)} />;
}
