"use client";

import { createContext, useContext } from "react";

/**
 * Why the viewer may not do what `needs` names; null: it is allowed. `where` is the part of the service that it is
 * done in: null for all parts, undefined when any will do.
 */
export type Refusal = (needs: string, where: string | null | undefined) => string | null;

/** Nothing is refused where nobody says so. */
export const RefusalContext = createContext<Refusal>(() => null);

/** Null also for what needs nothing. */
export function useRefusal(needs: string | undefined, where: string | null | undefined): string | null {
  const refusal = useContext(RefusalContext);
  return needs === undefined ? null : refusal(needs, where);
}
