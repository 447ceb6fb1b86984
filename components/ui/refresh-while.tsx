"use client";

import { useEffect } from "react";
import { useRefresh } from "./refresh.tsx";

const EVERY_MS = 5000;

/** Refreshes the page every few seconds while `active`. Pauses while the tab is hidden. */
export function RefreshWhile({ active }: { active: boolean }) {
  const { refresh, pending } = useRefresh();
  useEffect(() => {
    if (!active || pending) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [active, pending, refresh]);
  return null;
}
