/**
 * GraphQL documents: each is measured, parsed and validated once. The variables of each request are checked before it
 * runs. Every way into the API uses these rules.
 */
import {
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
  visit,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Limits } from "../../config.ts";
import { schema } from "../schema/schema.ts";
import { type Cost, type Costs, measureDocument, measureText, TooCostly } from "./document-limits.ts";
import { namingLiteral } from "./value-errors.ts";
import { coerceVariables, type Executable, type Variables } from "./variables.ts";

/** Characters of document text in the cache. A document longer than a hundredth of it is not cached. */
const CACHE_SIZE = 4_000_000;
/** Most errors of validation or coercion. The last of them says that graphql-js stopped. */
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
      /** Null when the request does not name one of several operations, or names one that does not exist. */
      operation: OperationDefinitionNode | null;
      /** Null without an operation. */
      cost: Cost | null;
      /** It asks for the schema's description. */
      introspects: boolean;
      request: OperationRequest;
      /** The document and the variables for a query or a mutation, which runs once. */
      executable: Executable;
      errors?: undefined;
    }
  | {
      document?: undefined;
      operation?: undefined;
      /** Known of an operation that costs too much. */
      cost: Cost | null;
      errors: readonly GraphQLError[];
    };

interface MeasuredDocument {
  document: DocumentNode;
  introspects: boolean;
  costs: Costs;
}

export interface Documents {
  /** Never throws: `errors` says what is wrong with the request, in at most MAX_ERRORS errors. */
  prepare(request: OperationRequest): Prepared;
}

/** Suggestions would reveal names of the schema to strangers, and take time to compute. */
const VALIDATION = { maxErrors: MAX_ERRORS - 1, hideSuggestions: true };
/** The same for the coercion of variables by graphql-js. */
export const COERCION = { options: { maxCoercionErrors: MAX_ERRORS - 1 }, hideSuggestions: true };

export function createDocuments(limits: Limits): Documents {
  const cache = new LRUCache<string, MeasuredDocument>({
    maxSize: CACHE_SIZE,
    maxEntrySize: CACHE_SIZE / 100,
    sizeCalculation: (_document, source) => source.length,
  });

  /**
   * Returns the document, or the errors of one that breaks GraphQL's rules. Throws a GraphQLError for a document that
   * cannot be parsed or asks for too much.
   */
  function readDocument(source: string): MeasuredDocument | readonly GraphQLError[] {
    const cached = cache.get(source);
    if (cached) return cached;
    measureText(source);
    const document = parse(source);
    const costs = measureDocument(schema, document, limits);
    const errors = validate(schema, document, undefined, VALIDATION);
    if (errors.length > 0) return errors.map((error) => namingLiteral(error, document));
    const measured = { document, costs, introspects: introspects(document) };
    cache.set(source, measured);
    return measured;
  }

  return {
    prepare(request) {
      try {
        const read = readDocument(request.query);
        if (!("document" in read)) return { cost: null, errors: read };
        const { document, costs, introspects } = read;
        const operation = getOperationAST(document, request.operationName) ?? null;
        const cost = (operation && costs.get(operation)) ?? null;
        const { variables } = request;
        const executable =
          operation && variables ? coerceVariables(document, operation, variables, limits) : { document, variables };
        return { document, operation, cost, introspects, request, executable };
      } catch (error) {
        if (error instanceof TooCostly) return { cost: error.cost, errors: [error] };
        if (error instanceof GraphQLError) return { cost: null, errors: [error] };
        throw error;
      }
    },
  };
}

/** Whether any of its operations and fragments asks for the schema's description. `__typename` is none of that. */
function introspects(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    enter: (node) => {
      if (node.kind === Kind.FIELD) found ||= node.name.value === "__schema" || node.name.value === "__type";
    },
  });
  return found;
}
