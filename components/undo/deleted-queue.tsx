"use client";

import { lazy, Suspense } from "react";

/** On the page of a queue that does not exist: offers to take its deletion back. Loaded only there. */
export function DeletedQueue(props: { project: string; queue: string }) {
  return (
    <Suspense fallback={null}>
      <Deletion {...props} />
    </Suspense>
  );
}

const Deletion = lazy(() => import("./deletion.tsx"));
