import type { ResultOf } from "gql.tada";
import { cache } from "react";
import type { ReadOnlyFacts, ViewerFacts } from "../components/access/fragments.ts";
import type { RefusedActions } from "../components/access/verdicts.tsx";
import { VIEWER } from "./documents.ts";
import { load } from "./execute.ts";

interface OfRequest {
  /** Null: nobody has signed in, or it could not be read. */
  viewer: ViewerFacts | null;
  refused: RefusedActions;
  /** Null: changes are allowed. */
  readOnly: ReadOnlyFacts | null;
}

/** Who looks at the page, and what the API refuses to them. Read once for each request. */
export const viewerOfRequest = cache(async (): Promise<OfRequest> => {
  const loaded = await load(VIEWER, {}, ["readOnly"]);
  if (!loaded.ok) return { viewer: null, refused: {}, readOnly: null };
  const { can, ...viewer } = loaded.data.viewer;
  return { viewer, refused: refusedOf(can ?? []), readOnly: loaded.data.readOnly };
});

type Verdict = NonNullable<ResultOf<typeof VIEWER>["viewer"]["can"]>[number];

/** Most people may do most of it everywhere: only the rest is sent to the browser. */
function refusedOf(verdicts: readonly Verdict[]): RefusedActions {
  return Object.fromEntries(
    verdicts
      .filter(({ allowed, projects }) => !allowed || projects !== null)
      .map(({ mutation, allowed, reason, projects }) => [
        mutation,
        { reason: reason ?? ELSEWHERE, allowedIn: allowed ? (projects ?? []) : [] },
      ]),
  );
}

const ELSEWHERE = "You may do this in other projects, but not here. Ask an admin for it.";
