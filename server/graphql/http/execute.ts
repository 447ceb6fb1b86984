/** Runs an operation, for every way into the API but subscriptions. */
import { type ExecutionResult, execute, GraphQLError } from "graphql";
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { Operations } from "../../operations/operations.ts";
import { GraphQLContext } from "../schema/context.ts";
import { stringify } from "../schema/json.ts";
import { schema } from "../schema/schema.ts";
import type { Answered } from "./answer.ts";
import type { Cost } from "./document-limits.ts";
import { COERCION, type Documents, type Prepared } from "./documents.ts";
import { type ErrorLog, maskError } from "./mask-errors.ts";
import { type OnOperation, secondsSince } from "./observe.ts";

/**
 * Runs a prepared query or mutation, counts it, and masks its errors. What cannot run is refused in `errors`. Never
 * throws.
 */
export type Executor = (prepared: Prepared, context: GraphQLContext) => Promise<Answered>;

export function createExecutor({ log, onOperation }: { log: ErrorLog; onOperation: OnOperation }): Executor {
  return async (prepared, context) => {
    const begun = performance.now();
    const { data, errors } = await resultOf(prepared, context);
    context.time.end();
    const type = prepared.operation?.operation ?? "unknown";
    onOperation({ type, outcome: errors ? "error" : "ok" }, secondsSince(begun));
    const answered: Answered = costOf(prepared, context);
    const { rateLimits } = context;
    if (rateLimits.length > 0) answered.extensions = { ...answered.extensions, rateLimit: rateLimits };
    if (data !== undefined) answered.data = data;
    if (errors) {
      const place = { requestId: context.access.requestId, log, changes: type === "mutation" };
      answered.errors = errors.map((error) => maskError(error, place));
    }
    return answered;
  };
}

/** For a client that asked for it, and always for an operation that costs too much. */
export function costOf({ cost, errors }: Prepared, context: GraphQLContext): { extensions?: { cost: Cost } } {
  return cost !== null && (context.showsCost || errors !== undefined) ? { extensions: { cost } } : {};
}

function resultOf(prepared: Prepared, context: GraphQLContext): ExecutionResult | Promise<ExecutionResult> {
  if (prepared.errors) return { errors: prepared.errors };
  const { operation, introspects, request, executable } = prepared;
  if (operation?.operation === "subscription") {
    const message = "A subscription is a stream of events: send it with `Accept: text/event-stream`.";
    return { errors: [new GraphQLError(message)] };
  }
  // A program that only posts or claims needs no map of what there is.
  if (introspects && context.access.rights.read.length === 0) return { errors: [introspectionRefused()] };
  return execute({
    schema,
    document: executable.document,
    operationName: request.operationName,
    variableValues: executable.variables,
    contextValue: context,
    ...COERCION,
  });
}

function introspectionRefused(): GraphQLError {
  const message =
    "The schema's description is for callers who may read: schema.graphql of this version has it as well.";
  return new GraphQLError(message, { originalError: new DomainError("FORBIDDEN", message) });
}

/**
 * Runs a query or mutation inside the process, for pages, with the same schema, limits and mask as over HTTP. Never
 * throws. `data` is what a client would have parsed from the answer: plain objects, instants as text. Hazard: parsing
 * costs a `body` its exact numbers; `bodyText` keeps them.
 */
export type Execute = (document: string, variables?: Record<string, unknown>) => Promise<Answered>;

interface Parts {
  operations: Operations;
  limits: Limits;
  documents: Documents;
  executor: Executor;
}

/** No client can leave inside the process. */
const NEVER = new AbortController().signal;

export function createExecute({ operations, limits, documents, executor }: Parts): (access: Access) => Execute {
  return (access) => async (query, variables) => {
    const context = new GraphQLContext({ access, operations, limits, showsCost: false, signal: () => NEVER });
    const { data, ...rest } = await executor(documents.prepare({ query, variables }), context);
    return { ...(data === undefined ? {} : { data: JSON.parse(stringify(data)) }), ...rest };
  };
}
