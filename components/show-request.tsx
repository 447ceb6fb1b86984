"use client";

import { API_PATH } from "./api.ts";
import { type Document, textOf } from "./graphql.ts";
import { ShowGraphql } from "./ui/show-graphql.tsx";

interface Props<Data, Variables extends object> {
  document: Document<Data, Variables>;
  /** Of one call or of several, which are sent one after the other. Null: not complete yet. */
  variables: Variables | readonly Variables[] | null;
}

/** For a form or a question: opens what it would send. */
export function ShowRequest<Data, Variables extends object>({ document, variables }: Props<Data, Variables>) {
  const calls = variables === null ? [] : Array.isArray(variables) ? variables : [variables];
  return <ShowGraphql request={{ name: "", document: textOf(document), calls }} endpoint={API_PATH} />;
}
