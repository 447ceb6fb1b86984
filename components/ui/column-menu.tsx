"use client";

import { Columns3 } from "lucide-react";
import { type KeyboardEvent, lazy, Suspense, useEffect, useId, useRef, useState } from "react";
import { Button } from "./button.tsx";

/** Loaded when it is opened for the first time. */
const ColumnChoice = lazy(() => import("./column-choice.tsx"));

/** Chooses the columns of a table. The choice is in the address, so it can be shared and saved. */
export function ColumnMenu({ columns }: { columns: readonly { id: string; header: string }[] }) {
  const [open, setOpen] = useState(false);
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
        <Suspense fallback={null}>
          <ColumnChoice id={id} columns={columns} />
        </Suspense>
      ) : null}
    </span>
  );
}
