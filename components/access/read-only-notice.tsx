"use client";

import { lazy, Suspense } from "react";
import type { ReadOnlyFacts } from "./fragments.ts";

/** Above every page, while the service is read-only. Loaded only then. */
export function ReadOnlyNotice({ readOnly }: { readOnly: ReadOnlyFacts | null }) {
  if (readOnly === null) return null;
  return (
    <Suspense fallback={null}>
      <ReadOnlyBanner readOnly={readOnly} />
    </Suspense>
  );
}

const ReadOnlyBanner = lazy(() => import("./read-only-banner.tsx"));
