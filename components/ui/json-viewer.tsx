"use client";

import { lazy, Suspense } from "react";

/** Shows a JSON text as a tree that keeps every digit, as text, or as bytes. Loaded only where there is one. */
export function JsonViewer(props: { text: string; label?: string }) {
  return (
    <Suspense fallback={null}>
      <Tree {...props} />
    </Suspense>
  );
}

const Tree = lazy(() => import("./json-tree.tsx"));
