"use client";

import { lazy, Suspense } from "react";
import type { MissingDeadLetterQueueProps } from "./missing-dead-letter-queue.tsx";

/** Stands above a queue whose dead letter queue is missing. Loaded only there. */
export function ExhaustedNotice(props: MissingDeadLetterQueueProps) {
  return (
    <Suspense fallback={null}>
      <MissingDeadLetterQueue {...props} />
    </Suspense>
  );
}

const MissingDeadLetterQueue = lazy(() => import("./missing-dead-letter-queue.tsx"));
