/** Limits on requests, by their fields in the type Limits of the schema. */
import type { RequestLimits } from "../../config.ts";

/** Those that no setting changes. */
export const REQUEST_LIMITS = {
  /** Characters of the text of a document. */
  maxDocumentLength: 262_144,
  /** Long lists belong into variables, which do not count here. */
  maxDocumentTokens: 4000,
  /** Nested brackets of any kind, those of literals included. */
  maxDocumentNesting: 300,
  /** Operations and fragments. GraphQL's rules compare each pair of fragments that a selection uses. */
  maxDefinitions: 100,
  /** Fields and spreads. The fields of a fragment count once for each of its spreads. */
  maxSelections: 1000,
  /**
   * Pairs of fields that share a position in the answer, which GraphQL's rules compare. The same field 200 times makes
   * 19,900 pairs.
   */
  maxFieldPairs: 20_000,
  /** Nested fields. */
  maxDepth: 12,
  /** Fields whose alias differs from their name. */
  maxAliases: 30,
  maxDirectives: 50,
  /** A field costs one or what it declares; a page costs its rows times the selection of each row. */
  maxCost: 10_000,
  /** The same for introspection. What explorers and code generators ask for costs about 1,500. */
  maxIntrospectionCost: 5000,
  /** Nested arrays and objects of a request: as many as the scalar JSON accepts, and those around it. */
  maxRequestNesting: 300,
  /** Members, entries, arrays and objects of a request. Those in JSON that is sent as text do not count. */
  maxRequestParts: 100_000,
  /** Numbers of a request that JavaScript would write differently. */
  maxRequestRawNumbers: 10_000,
  /** Characters of a JSON literal. A short document can use a long variable a thousand times. */
  maxJsonLiteralLength: 2 * 1_048_576,
} as const;

export type RequestLimit = keyof typeof REQUEST_LIMITS;

/** The details of an error about one of them. */
export function limitDetails(limit: RequestLimit, value?: number): Record<string, unknown> {
  return { limit, ...(value === undefined ? {} : { value }), maximum: REQUEST_LIMITS[limit] };
}

/** Most entries of all lists together that the variables of an operation hold. */
export function maxListEntries({ MAX_MESSAGES_PER_POST, MAX_PAGE_SIZE }: RequestLimits): number {
  return 2 * Math.max(MAX_MESSAGES_PER_POST, MAX_PAGE_SIZE);
}
