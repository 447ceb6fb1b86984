/** GraphQL documents, each parsed and checked once. */
import { type DocumentNode, GraphQLError, parse, validate } from "graphql";
import { LRUCache } from "lru-cache";
import type { Limits } from "../config.ts";
import { MAX_ERRORS, MAX_TOKENS, validationRules } from "./limits.ts";
import { schema } from "./schema.ts";

/** Characters of document text that are remembered; a longer document than a hundredth of it is not. */
const REMEMBERED = 4_000_000;

export type Prepared =
  | { document: DocumentNode; errors?: undefined }
  | { document?: undefined; errors: readonly GraphQLError[] };

export interface Documents {
  /** Never throws: what is wrong with the document is in `errors`, at most MAX_ERRORS of them. */
  prepare(source: string): Prepared;
}

/** graphql-js adds one more error that says that it stopped. */
export const COUNTED_ERRORS = MAX_ERRORS - 1;

/** Suggestions would tell a stranger the schema's names, and cost time to find. */
export const VALIDATION = { maxErrors: COUNTED_ERRORS, hideSuggestions: true };

export function createDocuments(limits: Limits): Documents {
  const rules = validationRules(limits);
  const known = new LRUCache<string, DocumentNode>({
    maxSize: REMEMBERED,
    maxEntrySize: REMEMBERED / 100,
    sizeCalculation: (_document, source) => source.length,
  });
  return {
    prepare(source) {
      const remembered = known.get(source);
      if (remembered) return { document: remembered };
      let document: DocumentNode;
      try {
        document = parse(source, { maxTokens: MAX_TOKENS });
      } catch (error) {
        return { errors: [error instanceof GraphQLError ? error : new GraphQLError("This document cannot be read.")] };
      }
      const errors = validate(schema, document, rules, VALIDATION);
      if (errors.length > 0) return { errors };
      known.set(source, document);
      return { document };
    },
  };
}
