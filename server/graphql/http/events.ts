/**
 * Operations over server-sent events, one stream per request, as graphql-sse's "distinct connections" do. The only way
 * to run a subscription.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  type ASTNode,
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  visit,
} from "graphql";
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { GraphQLContext } from "../schema/context.ts";
import { schema } from "../schema/schema.ts";
import { answerText } from "./answer.ts";
import { COERCION, type Documents, type OperationRequest } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import type { EventStreams, MakeEvent } from "./event-streams.ts";
import type { ExecuteResult, Executor } from "./execute.ts";
import { type OnOperation, secondsSince } from "./observe.ts";
import { parseRequest } from "./request-json.ts";

interface Parts {
  documents: Documents;
  executor: Executor;
  streams: EventStreams;
  log: ErrorLog;
  onOperation: OnOperation;
  contextFor: (access: Access, reply: FastifyReply) => GraphQLContext;
}

export interface Events {
  handle(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    body: Record<string, unknown> | null,
  ): Promise<unknown>;
}

const HEADERS = {
  connection: "keep-alive",
  "cache-control": "no-cache",
  "content-encoding": "none",
  "content-type": "text/event-stream; charset=utf-8",
};
const COMPLETE = Buffer.from("event: complete\ndata:\n\n");

export function createEvents({ documents, executor, streams, log, onOperation, contextFor }: Parts): Events {
  async function handle(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    body: Record<string, unknown> | null,
  ) {
    streams.requireRoom();
    const asked = askedFor(request, body);
    const prepared = documents.prepare(asked);
    const mask = (error: unknown) => maskError(error, { requestId: access.requestId, log });
    if (prepared.operation?.operation === "mutation" && request.method === "GET") {
      // Addresses are followed by whoever sees them: reading one must change nothing.
      const extensions = { http: { status: 405 } };
      const errors = [mask(new GraphQLError("A mutation is sent by POST.", { extensions }))];
      return reply.code(405).header("allow", "POST").send({ errors });
    }
    const context = contextFor(access, reply);

    async function* once(): AsyncGenerator<MakeEvent> {
      const result = await executor(prepared, context);
      yield () => nextEvent(result);
      yield () => COMPLETE;
    }

    async function* subscription(
      document: DocumentNode,
      operation: OperationDefinitionNode,
    ): AsyncGenerator<MakeEvent> {
      const begun = performance.now();
      const watching = context.ofStream();
      const args = {
        schema,
        document,
        operationName: asked.operationName,
        variableValues: asked.variables,
        contextValue: watching,
        ...COERCION,
      };
      const key = sharingKey(document, operation, asked);
      let failed = false;
      const errorEvent = (errors: readonly unknown[]) => {
        failed = true;
        const event = nextEvent({ errors: errors.map(mask) });
        return () => event;
      };
      let payloads: AsyncGenerator<object, void, void> | undefined;
      try {
        const source = await createSourceEventStream(args);
        if (Symbol.asyncIterator in source) payloads = source as AsyncGenerator<object, void, void>;
        else yield errorEvent(source.errors ?? []);
        // Not `for await`: it would hold on to the payload while the reader takes its time.
        for (;;) {
          const make = await nextOf(payloads, (payload) => {
            const event = rendered(payload, key, args, watching, mask);
            const textOf = ({ text, failed: hasErrors }: Rendered) => {
              failed ||= hasErrors;
              return text;
            };
            return event instanceof Promise ? event.then(textOf) : textOf(event);
          });
          if (make === null) break;
          yield make;
        }
      } catch (error) {
        const originalError = error instanceof Error ? error : new Error(String(error));
        yield errorEvent([new GraphQLError(originalError.message, { originalError })]);
      } finally {
        await payloads?.return();
        onOperation({ type: "subscription", outcome: failed ? "error" : "ok" }, secondsSince(begun));
      }
      yield () => COMPLETE;
    }

    const events =
      prepared.document && prepared.operation?.operation === "subscription"
        ? subscription(prepared.document, prepared.operation)
        : once();
    return reply.headers(HEADERS).send(streams.open(events, context.signal));
  }

  return { handle };
}

function nextEvent(result: ExecuteResult): Buffer {
  return Buffer.from(`event: next\ndata: ${answerText(result)}\n\n`);
}

interface Rendered {
  text: Buffer;
  failed: boolean;
}

/** Null at the end. */
async function nextOf(
  payloads: AsyncGenerator<object, void, void> | undefined,
  render: (payload: object) => Buffer | Promise<Buffer>,
): Promise<MakeEvent | null> {
  const next = await payloads?.next();
  if (next === undefined || next.done) return null;
  let payload: object | null = next.value;
  return () => {
    // It is made once, and then waits for its reader without what it was made of.
    const one = payload as object;
    payload = null;
    return render(one);
  };
}

/** The events that were made of a payload, by what was asked for; for as long as somebody holds the payload. */
const made = new WeakMap<object, Map<string, Rendered>>();

/**
 * The event of a payload. Readers of the same queue are given the same message, and those that ask for the same of it
 * get one text. Hazard: so what a subscription's fields show must not depend on who asks; who may ask is checked when
 * the stream begins.
 */
function rendered(
  payload: object,
  key: string | null,
  args: ExecutionArgs,
  context: GraphQLContext,
  mask: (error: unknown) => ReturnType<typeof maskError>,
): Rendered | Promise<Rendered> {
  const known = key === null ? undefined : made.get(payload)?.get(key);
  if (known !== undefined) return known;
  const finish = ({ data, errors }: ExecutionResult): Rendered => {
    const result = { ...(data === undefined ? {} : { data }), ...(errors ? { errors: errors.map(mask) } : {}) };
    const event = { text: nextEvent(result), failed: errors !== undefined };
    if (key !== null && !event.failed) {
      const events = made.get(payload) ?? new Map<string, Rendered>();
      made.set(payload, events.set(key, event));
    }
    return event;
  };
  const result = execute({ ...args, rootValue: payload, contextValue: context.ofEvent() });
  return result instanceof Promise ? result.then(finish) : finish(result);
}

/**
 * The same for subscriptions that make the same text of a payload; null when it cannot be told cheaply. Variables that
 * say only where to begin do not count.
 */
function sharingKey(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  asked: OperationRequest,
): string | null {
  let usesVariables = false;
  const look = (node: ASTNode) =>
    visit(node, {
      enter: ({ kind }) => {
        usesVariables ||= kind === Kind.VARIABLE;
      },
    });
  for (const selection of operation.selectionSet.selections) {
    look(selection.kind === Kind.FIELD ? { ...selection, arguments: [] } : selection);
  }
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) look(definition);
  return usesVariables ? null : `${asked.operationName ?? ""} ${asked.query}`;
}

/** BAD_INPUT for what is no request for an operation. */
function askedFor(request: FastifyRequest, body: Record<string, unknown> | null): OperationRequest {
  const { query, operationName, variables } = request.method === "GET" ? ofAddress(request) : (body ?? {});
  if (request.method !== "GET" && request.method !== "POST") {
    throw new DomainError("BAD_INPUT", "Ask for a stream by GET or POST.");
  }
  if (typeof query !== "string") throw new DomainError("BAD_INPUT", "`query` must be the text of a document.");
  const isMissing = (value: unknown) => value === undefined || value === null;
  if (!isMissing(operationName) && typeof operationName !== "string") {
    throw new DomainError("BAD_INPUT", "`operationName` must be text.");
  }
  if (!isMissing(variables) && (typeof variables !== "object" || Array.isArray(variables))) {
    throw new DomainError("BAD_INPUT", "`variables` must be an object.");
  }
  return { query, operationName, variables } as OperationRequest;
}

function ofAddress(request: FastifyRequest): Record<string, unknown> {
  const given = new URL(request.raw.url ?? "", "http://localhost").searchParams;
  const variables = given.get("variables");
  try {
    return {
      query: given.get("query"),
      operationName: given.get("operationName"),
      variables: variables === null ? null : parseRequest(variables),
    };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError("BAD_INPUT", "`variables` is not JSON.");
  }
}
