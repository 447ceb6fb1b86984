/** What runs a document that was found right: for pages, inside the process, and for plain requests over HTTP. */
import {
  type DocumentNode,
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
  type OperationTypeNode,
} from "graphql";
import type { Access } from "../access/access.ts";
import type { Limits } from "../config.ts";
import type { Operations } from "../operations/operations.ts";
import { GraphQLContext } from "./context.ts";
import { COUNTED_ERRORS, type Documents } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import { unmarkJson } from "./json.ts";
import { type OnOperation, secondsSince } from "./observe.ts";
import { schema } from "./schema.ts";

export interface ExecuteResult {
  /** Undefined: nothing ran. */
  data?: Record<string, unknown> | null;
  errors?: GraphQLFormattedError[];
}

interface Run {
  document: DocumentNode;
  operationName?: string | undefined;
  /** Of the operation, for what is counted. Subscriptions are streams and do not run here. */
  type: Exclude<`${OperationTypeNode}`, "subscription">;
  variables: Record<string, unknown> | undefined;
}

/** Runs a query or mutation, counts it, and masks its errors. Never throws. */
export type Executor = (run: Run, context: GraphQLContext) => Promise<ExecuteResult>;

export function createExecutor({ log, onOperation }: { log: ErrorLog; onOperation: OnOperation }): Executor {
  return async ({ document, operationName, type, variables }, context) => {
    const begun = performance.now();
    const { data, errors } = await execute({
      schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
      options: { maxCoercionErrors: COUNTED_ERRORS },
    });
    context.time.end();
    onOperation({ type, outcome: errors ? "error" : "ok" }, secondsSince(begun));
    const { requestId } = context.access;
    return {
      ...(data === undefined ? {} : { data }),
      ...(errors ? { errors: errors.map((error) => maskError(error, { requestId, log })) } : {}),
    };
  };
}

/**
 * GraphQL inside the process, for pages: the same schema, limits and mask as over HTTP. Runs a query or mutation. Never throws. `data` is what a
 * client would have parsed from the answer: plain objects, instants as text. That parsing costs a `body` its exact numbers; `bodyText` keeps them.
 */
export type Execute = (document: string, variables?: Record<string, unknown>) => Promise<ExecuteResult>;

interface Parts {
  operations: Operations;
  limits: Limits;
  log: ErrorLog;
  documents: Documents;
  executor: Executor;
}

/** Nobody stops waiting for an answer inside the process. */
const NEVER = new AbortController().signal;

export function createExecute({ operations, limits, log, documents, executor }: Parts): (access: Access) => Execute {
  return (access) => async (source, variables) => {
    const refuse = (errors: readonly GraphQLError[]) => ({
      errors: errors.map((error) => maskError(error, { requestId: access.requestId, log })),
    });
    const prepared = documents.prepare(source);
    if (prepared.errors) return refuse(prepared.errors);
    const { document } = prepared;
    const type = getOperationAST(document)?.operation;
    if (type === undefined || type === "subscription") {
      return refuse([new GraphQLError("Pass a document with exactly one query or mutation.")]);
    }
    const context = new GraphQLContext({ access, operations, limits, signal: () => NEVER });
    const { data, errors } = await executor({ document, type, variables }, context);
    return {
      ...(data === undefined ? {} : { data: JSON.parse(unmarkJson(JSON.stringify(data))) }),
      ...(errors ? { errors } : {}),
    };
  };
}
