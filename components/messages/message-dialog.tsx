"use client";

import { lazy, Suspense } from "react";
import type { OpenMessage } from "./fragments.ts";

/** One message, opened by the address. */
export function MessageDialog(props: OpenMessage) {
  return (
    <Suspense fallback={null}>
      <Content {...props} />
    </Suspense>
  );
}

const Content = lazy(() => import("./message-dialog-content.tsx"));
