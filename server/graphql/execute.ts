/** GraphQL inside the process, for pages: the same schema, limits and mask as over HTTP. */
import { execute, GraphQLError, type GraphQLFormattedError, getOperationAST } from "graphql";
import type { Access } from "../access/access.ts";
import type { Limits } from "../config.ts";
import type { Operations } from "../operations/operations.ts";
import { COUNTED_ERRORS, type Documents } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import { unmarkJson } from "./json.ts";
import { type OnOperation, secondsSince } from "./observe.ts";
import { schema } from "./schema.ts";

export interface ExecuteResult {
  data?: Record<string, unknown> | null;
  errors?: GraphQLFormattedError[];
}

/**
 * Runs a query or mutation. Never throws. `data` is what a client would have parsed from the answer: plain objects, instants as text.
 * That parsing costs a `body` its exact numbers; `bodyText` keeps them.
 */
export type Execute = (document: string, variables?: Record<string, unknown>) => Promise<ExecuteResult>;

interface Parts {
  operations: Operations;
  limits: Limits;
  log: ErrorLog;
  documents: Documents;
  onOperation: OnOperation;
}

/** Nobody stops waiting for an answer inside the process. */
const NEVER = new AbortController().signal;

export function createExecute({ operations, limits, log, documents, onOperation }: Parts): (access: Access) => Execute {
  return (access) => async (source, variables) => {
    const mask = (errors: readonly unknown[]) =>
      errors.map((error) => maskError(error, { requestId: access.requestId, log }));
    const begun = performance.now();
    const prepared = documents.prepare(source);
    if (prepared.errors) return { errors: mask(prepared.errors) };
    const type = getOperationAST(prepared.document)?.operation;
    if (type === undefined || type === "subscription") {
      return { errors: mask([new GraphQLError("Pass a document with exactly one query or mutation.")]) };
    }
    const result = await execute({
      schema,
      document: prepared.document,
      variableValues: variables,
      contextValue: { access, operations, limits, signal: NEVER },
      options: { maxCoercionErrors: COUNTED_ERRORS },
    });
    onOperation({ type, outcome: result.errors ? "error" : "ok" }, secondsSince(begun));
    return {
      ...(result.data === undefined ? {} : { data: JSON.parse(unmarkJson(JSON.stringify(result.data))) }),
      ...(result.errors ? { errors: mask(result.errors) } : {}),
    };
  };
}
