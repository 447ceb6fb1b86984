import { cache } from "react";
import type { ViewerFacts } from "../components/access/fragments.ts";
import type { RefusedActions } from "../components/access/verdicts.tsx";
import { VIEWER } from "./documents.ts";
import { load } from "./execute.ts";

interface OfRequest {
  /** Null: nobody has signed in. */
  viewer: ViewerFacts | null;
  refused: RefusedActions;
}

/** Who looks at the page, and what the API refuses to them. */
export const viewerOfRequest = cache(async (): Promise<OfRequest> => {
  const loaded = await load(VIEWER, {});
  if (!loaded.ok) return { viewer: null, refused: {} };
  const { actor } = loaded.data.viewer;
  return { viewer: { kind: "LOCAL", actor, name: null, email: null, grants: null }, refused: {} };
});
