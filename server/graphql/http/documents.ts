/**
 * GraphQL documents, each measured, parsed and checked once; and what of a request is checked before it runs. One list
 * of rules for every way into the API.
 */
import {
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  type OperationDefinitionNode,
  parse,
  validate,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Limits } from "../../config.ts";
import { schema } from "../schema/schema.ts";
import { measureDocument, measureText } from "./limits.ts";
import { checkVariables, type Variables } from "./variables.ts";

/** Characters of document text that are remembered; a longer document than a hundredth of it is not. */
const REMEMBERED = 4_000_000;
/** Validation and coercion stop at this many errors. graphql-js adds one more that says that it stopped. */
const MAX_ERRORS = 10;

/** What a client sends. */
export interface OperationRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: Variables | null | undefined;
}

export type Prepared =
  | {
      document: DocumentNode;
      /** Null when the request does not say which one, or names one that is not there. */
      operation: OperationDefinitionNode | null;
      request: OperationRequest;
      errors?: undefined;
    }
  | { document?: undefined; operation?: undefined; errors: readonly GraphQLError[] };

export interface Documents {
  /** Never throws: what is wrong with the request is in `errors`, at most MAX_ERRORS of them. */
  prepare(request: OperationRequest): Prepared;
}

/** Suggestions would tell a stranger the schema's names, and cost time to find. */
const VALIDATION = { maxErrors: MAX_ERRORS - 1, hideSuggestions: true };
/** The same for what graphql-js finds when it reads variables. */
export const COERCION = { options: { maxCoercionErrors: MAX_ERRORS - 1 }, hideSuggestions: true };

export function createDocuments(limits: Limits): Documents {
  const known = new LRUCache<string, DocumentNode>({
    maxSize: REMEMBERED,
    maxEntrySize: REMEMBERED / 100,
    sizeCalculation: (_document, source) => source.length,
  });

  /**
   * Throws a GraphQLError for a document that cannot be read or asks for too much; gives the errors of one that breaks
   * GraphQL's rules.
   */
  function read(source: string): DocumentNode | readonly GraphQLError[] {
    const remembered = known.get(source);
    if (remembered) return remembered;
    measureText(source);
    const document = parse(source);
    measureDocument(schema, document, limits);
    const errors = validate(schema, document, undefined, VALIDATION);
    if (errors.length > 0) return errors;
    known.set(source, document);
    return document;
  }

  return {
    prepare(request) {
      try {
        const document = read(request.query);
        if (!("kind" in document)) return { errors: document };
        const operation = getOperationAST(document, request.operationName) ?? null;
        if (operation && request.variables) checkVariables(operation, request.variables, limits);
        return { document, operation, request };
      } catch (error) {
        if (error instanceof GraphQLError) return { errors: [error] };
        throw error;
      }
    },
  };
}
