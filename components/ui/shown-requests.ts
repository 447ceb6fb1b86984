import { useEffect } from "react";

/** A request to the API, for people who want to send the same from a script. */
export interface ShownRequest {
  /** What it is for, in the page's words. A function is asked when it is to be shown; "": it is not on the page. */
  name: string | (() => string);
  document: string;
  /** The variables of each call. Empty: they are not complete yet. */
  calls: readonly object[];
}

/** What the open page sends beside its own query. Outside of React, because nothing is rendered when it changes. */
const SHOWN = new Set<ShownRequest>();

/** The page's sheet has the request until the returned function is called. */
export function showRequest(request: ShownRequest): () => void {
  SHOWN.add(request);
  return () => {
    SHOWN.delete(request);
  };
}

/** While this is rendered, the page's sheet has the request. Null: there is none. */
export function useShownRequest(request: ShownRequest | null): void {
  const calls = JSON.stringify(request?.calls);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the request is a new object each time
  useEffect(() => (request === null ? undefined : showRequest(request)), [request?.document, calls]);
}

export function shownRequests(): ShownRequest[] {
  return [...SHOWN];
}
