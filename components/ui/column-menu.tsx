"use client";

import { Columns3 } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { type KeyboardEvent, startTransition, useEffect, useId, useOptimistic, useRef, useState } from "react";
import { Button } from "./button.tsx";

/** The parameter of the address that names the columns that are shown. */
export const COLUMNS_PARAM = "columns";

/** The ids that the address names; null: it names none, and all are shown. */
export function useShownColumns(): ReadonlySet<string> | null {
  const text = useSearchParams().get(COLUMNS_PARAM);
  return text === null ? null : new Set(text.split(","));
}

/** Chooses the columns of a table. The choice is in the address, so it can be shared and saved. */
export function ColumnMenu({ columns }: { columns: readonly { id: string; header: string }[] }) {
  const [open, setOpen] = useState(false);
  const router = useRouter();
  const path = usePathname();
  const search = useSearchParams();
  // Shown at once, while the page is still asked for.
  const [shown, setShown] = useOptimistic(useShownColumns());
  const frame = useRef<HTMLSpanElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [open]);

  const isShown = (column: string) => shown === null || shown.has(column);
  const toggle = (column: string) => {
    const next = columns.filter((one) => (one.id === column) !== isShown(one.id)).map((one) => one.id);
    const params = new URLSearchParams(search);
    if (next.length === columns.length) params.delete(COLUMNS_PARAM);
    else params.set(COLUMNS_PARAM, next.join(","));
    const query = params.toString();
    startTransition(() => {
      setShown(new Set(next));
      router.replace(query ? `${path}?${query}` : path, { scroll: false });
    });
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.preventDefault();
    setOpen(false);
    frame.current?.querySelector("button")?.focus();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only Escape is heard, wherever the focus is inside
    <span ref={frame} onKeyDown={press} className="relative inline-flex">
      <Button kind="ghost" size="small" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <Columns3 aria-hidden />
        Columns
      </Button>
      {open ? (
        <fieldset
          id={id}
          className="absolute right-0 bottom-full z-20 mb-1.5 flex min-w-44 flex-col rounded border border-line-2 bg-surface p-1 text-left text-ink shadow-lg"
        >
          <legend className="sr-only">Columns</legend>
          {columns.map((column) => (
            <label key={column.id} className="flex h-7 items-center gap-2 rounded px-2 hover:bg-raised max-sm:h-9">
              <input
                type="checkbox"
                checked={isShown(column.id)}
                onChange={() => toggle(column.id)}
                className="size-3.5 accent-accent-fill"
              />
              {column.header}
            </label>
          ))}
        </fieldset>
      ) : null}
    </span>
  );
}
