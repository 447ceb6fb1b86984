"use client";

import { useEffect } from "react";
import { useRefresh } from "./refresh.tsx";

/** Refreshes the page every few seconds while `active`. Pauses while the tab is hidden. */
export function RefreshWhile({ active, seconds = 1 }: { active: boolean; seconds?: number }) {
  const { refresh, pending } = useRefresh();
  useEffect(() => {
    if (!active || pending) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [active, seconds, pending, refresh]);
  return null;
}
