"use client";

import type { ReactNode } from "react";
import { Button } from "./button.tsx";

/** What can be done with the chosen rows: in sight as long as there are some. */
export default function SelectionBar({
  count,
  onClear,
  children,
}: {
  count: number;
  onClear: () => void;
  children: ReactNode;
}) {
  return (
    <section
      aria-label="Selected rows"
      className="sticky bottom-(--below) z-10 flex min-h-10 flex-wrap items-center gap-2 border-t border-line-2 bg-raised px-3 py-1.5"
    >
      <span role="status" className="font-semibold">
        {count} selected
      </span>
      {children}
      <span className="ml-auto">
        <Button kind="ghost" size="small" onClick={onClear}>
          Clear
        </Button>
      </span>
    </section>
  );
}
