import type { Grant } from "./words.ts";

/** Who looks at the page. */
export interface ViewerFacts {
  /** LOCAL: access control is off. */
  kind: "LOCAL" | "PERSON" | "TOKEN" | "SERVICE";
  actor: string;
  name: string | null;
  email: string | null;
  grants: readonly Grant[] | null;
}
