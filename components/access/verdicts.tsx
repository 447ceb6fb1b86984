"use client";

import { type ReactNode, useCallback } from "react";
import { RefusalContext } from "../ui/refusals.ts";

/** By mutation: what the API refuses to the viewer somewhere, why, and in which projects it is allowed all the same. */
export type RefusedActions = Readonly<Record<string, { reason: string; allowedIn: readonly string[] }>>;

/** Buttons within it are disabled by what the API says, with its reasons. They know no roles. */
export function Verdicts({ refused, children }: { refused: RefusedActions; children: ReactNode }) {
  const refusal = useCallback(
    (mutation: string, project: string | null | undefined) => {
      const one = refused[mutation];
      if (one === undefined) return null;
      const allowed =
        project === undefined ? one.allowedIn.length > 0 : project !== null && one.allowedIn.includes(project);
      return allowed ? null : one.reason;
    },
    [refused],
  );
  return <RefusalContext value={refusal}>{children}</RefusalContext>;
}
