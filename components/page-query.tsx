"use client";

import { API_PATH } from "./api.ts";
import { useView } from "./ui/refresh.tsx";
import { ShowGraphql } from "./ui/show-graphql.tsx";

/**
 * Shows what a page asked the API, and what its buttons would send; lets the page follow the answer while it is live.
 * One for each page.
 */
export function PageQuery({ document, variables = {} }: { document: string; variables?: object }) {
  useView(document, variables);
  return (
    <ShowGraphql request={{ name: "All of this page", document, calls: [variables] }} ofPage endpoint={API_PATH} />
  );
}
