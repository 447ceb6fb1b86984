"use client";

import { useEffect } from "react";
import { useRefresh } from "./refresh.tsx";

/**
 * Loads the page's data anew every so many seconds while something on it is under way; rests while the tab is hidden.
 */
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
