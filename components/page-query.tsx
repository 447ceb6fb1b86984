"use client";

import { API_PATH } from "./api.ts";
import { useView } from "./ui/refresh.tsx";
import { ShowGraphql } from "./ui/show-graphql.tsx";

/** Shows what a page asked the API, and lets the page follow the answer while it is live. One for each page. */
export function PageQuery({ document, variables = {} }: { document: string; variables?: object }) {
  useView(document, variables);
  return <ShowGraphql document={document} variables={variables} endpoint={API_PATH} />;
}
