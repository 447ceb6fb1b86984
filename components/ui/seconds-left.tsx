"use client";

import { useNow } from "./time.tsx";

/** How many seconds are left, second by second. Screen readers are not told: they would be told each second. */
export function SecondsLeft({ until }: { until: string | number }) {
  const left = Math.max(0, Math.ceil((new Date(until).getTime() - useNow()) / 1000));
  return (
    <span aria-hidden className="tabular-nums text-muted">
      {left} s left
    </span>
  );
}
