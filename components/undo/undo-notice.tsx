"use client";

import { lazy, Suspense } from "react";
import type { OpenUndoFacts } from "./fragments.ts";

/** Stands above a queue while something of it can be taken back. Loaded only then. */
export function UndoNotice({ undo }: { undo: OpenUndoFacts | null }) {
  if (undo === null) return null;
  return (
    <Suspense fallback={null}>
      <OpenUndo undo={undo} />
    </Suspense>
  );
}

const OpenUndo = lazy(() => import("./open-undo.tsx"));
