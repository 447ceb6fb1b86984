/**
 * GraphQL documents with the types of their variables and answers, which gql.tada derives from `schema.graphql`.
 * Documents stand in files named documents.ts, fragments in files named fragments.ts: a test checks each of them.
 */
import type { initGraphQLTada, TadaDocumentNode } from "gql.tada";
import type { introspection } from "../graphql-env.d.ts";

type Tada = initGraphQLTada<{
  introspection: introspection;
  /** What JSON.parse gives for each scalar. */
  scalars: { DateTime: string; SafeInt: number; JSON: unknown };
  /** The props of a component are the type of its own fragment, so masks would protect nothing more. */
  disableMasking: true;
}>;

/** A query or mutation. The compiler takes it for a syntax tree, because gql.tada has no other type; it is a text. */
export type Document<Data, Variables> = TadaDocumentNode<Data, Variables>;

/** Between two definitions. No definition has an empty line inside. */
const SEPARATOR = "\n\n";

function join(text: string, fragments: readonly unknown[] = []): string {
  const definitions = new Set([text.replace(/^\s*\n|\s+$/g, "")]);
  for (const fragment of fragments) {
    if (typeof fragment !== "string") throw new TypeError("This fragment is no text: its file says “use client”.");
    for (const definition of fragment.split(SEPARATOR)) definitions.add(definition);
  }
  return [...definitions].join(SEPARATOR);
}

/**
 * A document or fragment: its text, followed by the texts of the fragments that it spreads, each once. No parser is
 * needed, in the browser either.
 *
 * Never write a fragment in a file that says "use client": the server would get a function instead of its text.
 */
export const graphql = join as unknown as Tada;

/** What is sent. */
export function textOf<Data, Variables>(document: Document<Data, Variables>): string {
  return document as unknown as string;
}
