"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { type RefObject, startTransition, useEffect, useOptimistic } from "react";
import { COLUMNS_PARAM, useShownColumns } from "./shown-columns.ts";
import { useLeave } from "./use-leave.ts";

/** A box for each column of a table. `frame` has it and the button that opens it. */
export default function ColumnChoice({
  id,
  columns,
  frame,
  close,
}: {
  id: string;
  columns: readonly { id: string; header: string }[];
  frame: RefObject<HTMLElement | null>;
  close: () => void;
}) {
  useLeave(frame, close);
  useEffect(() => {
    const element = frame.current;
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
      element?.querySelector("button")?.focus();
    };
    element?.addEventListener("keydown", press);
    return () => element?.removeEventListener("keydown", press);
  }, [frame, close]);

  const router = useRouter();
  const path = usePathname();
  const search = useSearchParams();
  // Shown at once, while the page is still asked for.
  const [shown, setShown] = useOptimistic(useShownColumns());
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
  return (
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
  );
}
