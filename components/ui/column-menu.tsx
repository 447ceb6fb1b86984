"use client";

import { Columns3 } from "lucide-react";
import { lazy, Suspense, useCallback, useId, useRef, useState } from "react";
import { Button } from "./button.tsx";

/** Loaded when it is opened for the first time. */
const ColumnChoice = lazy(() => import("./column-choice.tsx"));

/** Chooses the columns of a table. The choice is in the address, so it can be shared and saved. */
export function ColumnMenu({ columns }: { columns: readonly { id: string; header: string }[] }) {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLSpanElement>(null);
  const id = useId();
  const close = useCallback(() => setOpen(false), []);
  return (
    <span ref={frame} className="relative inline-flex">
      <Button kind="ghost" size="small" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <Columns3 aria-hidden />
        Columns
      </Button>
      {open ? (
        <Suspense fallback={null}>
          <ColumnChoice id={id} columns={columns} frame={frame} close={close} />
        </Suspense>
      ) : null}
    </span>
  );
}
