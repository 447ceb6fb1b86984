"use client";

import { lazy, Suspense } from "react";
import type { OpenClaim } from "./fragments.ts";

/** One claim and its messages, opened by the address. */
export function ClaimDialog(props: OpenClaim) {
  return (
    <Suspense fallback={null}>
      <Content {...props} />
    </Suspense>
  );
}

const Content = lazy(() => import("./claim-dialog-content.tsx"));
