/**
 * Operations over server-sent events, one stream per request: the "distinct connections" mode of the graphql-sse
 * protocol. A subscription runs in no other way.
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
import { type Answered, answerText } from "./answer.ts";
import { COERCION, type Documents, type OperationRequest } from "./documents.ts";
import type { EventStreams, PendingEvent, RenderEvent } from "./event-streams.ts";
import { costOf, type Executor } from "./execute.ts";
import { type ErrorLog, type MaskedError, maskError } from "./mask-errors.ts";
import { type OnOperation, secondsSince } from "./observe.ts";
import { parseRequest } from "./request-json.ts";
import { onWhom } from "./shared-answers.ts";
import { StreamPosition } from "./stream-position.ts";

interface Parts {
  documents: Documents;
  executor: Executor;
  streams: EventStreams;
  log: ErrorLog;
  onOperation: OnOperation;
  contextFor: (access: Access, reply: FastifyReply) => GraphQLContext;
}

export interface Events {
  /** Whether the request asks for a subscription. False for a document that is refused. */
  isSubscription(request: FastifyRequest, body: Record<string, unknown> | null): boolean;
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
  // nginx would keep events back.
  "x-accel-buffering": "no",
};
const COMPLETE = Buffer.from("event: complete\ndata:\n\n");

export function createEvents({ documents, executor, streams, log, onOperation, contextFor }: Parts): Events {
  return {
    isSubscription(request, body) {
      return documents.prepare(readOperationRequest(request, body)).operation?.operation === "subscription";
    },
    async handle(request, reply, access, body) {
      streams.requireRoom();
      const operationRequest = readOperationRequest(request, body);
      const prepared = documents.prepare(operationRequest);
      const { document, operation } = prepared;
      const mask = (error: unknown) => maskError(error, { requestId: access.requestId, log, changes: false });
      if (operation?.operation === "mutation" && request.method === "GET") {
        // Browsers and crawlers follow links on their own, so a GET must change nothing.
        const extensions = { http: { status: 405 } };
        const errors = [mask(new GraphQLError("A mutation is sent by POST.", { extensions }))];
        return reply.code(405).header("allow", "POST").send({ errors });
      }
      const context = contextFor(access, reply);
      const position = new StreamPosition(lastEventIdOf(request));
      const events =
        document && operation?.operation === "subscription"
          ? subscriptionEvents({
              operationRequest,
              document,
              operation,
              context,
              position,
              cost: costOf(prepared, context),
              mask,
              onOperation,
            })
          : resultEvents(() => executor(prepared, context));
      return reply.headers(HEADERS).send(streams.open(events, context.signal));
    },
  };
}

/** The events of a query or a mutation: its result. */
async function* resultEvents(run: () => Promise<Answered>): AsyncGenerator<RenderEvent> {
  const result = await run();
  yield () => nextEvent(result);
  yield () => COMPLETE;
}

type Mask = (error: unknown) => MaskedError;

interface Subscription {
  operationRequest: OperationRequest;
  document: DocumentNode;
  operation: OperationDefinitionNode;
  context: GraphQLContext;
  position: StreamPosition;
  /** For each event, if the client asked for it. */
  cost: Pick<Answered, "extensions">;
  mask: Mask;
  onOperation: OnOperation;
}

/**
 * The events of a subscription: one for each payload of its source, and one for the error that ends it. A stream that
 * the server interrupts, because it begins to close, is not complete: its client opens it again elsewhere.
 */
async function* subscriptionEvents(subscription: Subscription): AsyncGenerator<RenderEvent> {
  const { operationRequest, document, operation, position, cost, mask, onOperation } = subscription;
  const begun = performance.now();
  const context = subscription.context.ofStream(position);
  const args: ExecutionArgs = {
    schema,
    document,
    operationName: operationRequest.operationName,
    variableValues: operationRequest.variables,
    contextValue: context,
    ...COERCION,
  };
  let failed = false;
  const onErrors = () => {
    failed = true;
  };
  const errorEvent = (errors: readonly unknown[]) => {
    onErrors();
    const event = nextEvent({ errors: errors.map(mask), ...cost });
    return () => event;
  };
  const key = context.showsCost ? null : sharingKey(document, operation, operationRequest, context.access);
  const rendering = { key, args, context, position, cost, mask, onErrors };
  let payloads: AsyncGenerator<object, void, void> | undefined;
  try {
    const source = await createSourceEventStream(args);
    if (Symbol.asyncIterator in source) payloads = source as AsyncGenerator<object, void, void>;
    else yield errorEvent(source.errors ?? []);
    const { beginning } = position;
    if (beginning !== null) yield () => beginning;
    // Not `for await`: it would keep the payload in memory while the reader takes its time.
    for (;;) {
      const render = await nextRendering(payloads, rendering);
      if (render === null) break;
      yield render;
    }
  } catch (error) {
    const originalError = error instanceof Error ? error : new Error(String(error));
    yield errorEvent([new GraphQLError(originalError.message, { originalError })]);
  } finally {
    await payloads?.return();
    onOperation({ type: "subscription", outcome: failed ? "error" : "ok" }, secondsSince(begun));
  }
  if (!context.signal.aborted) yield () => COMPLETE;
}

function nextEvent(result: Answered, idLine = ""): Buffer {
  return Buffer.from(`${idLine}event: next\ndata: ${answerText(result)}\n\n`);
}

/** What all events of one subscription are rendered with. */
interface Rendering {
  key: string | null;
  args: ExecutionArgs;
  context: GraphQLContext;
  position: StreamPosition;
  cost: Pick<Answered, "extensions">;
  mask: Mask;
  /** Called for an event that has errors. */
  onErrors: () => void;
}

/** Null at the end. */
async function nextRendering(
  payloads: AsyncGenerator<object, void, void> | undefined,
  rendering: Rendering,
): Promise<RenderEvent | null> {
  const next = await payloads?.next();
  if (next === undefined || next.done) return null;
  let payload: object | null = next.value;
  return () => {
    // It is rendered once. Afterwards only the text waits for its reader.
    const rendered = payload as object;
    payload = null;
    return render(rendered, rendering);
  };
}

/** The texts that a payload was rendered to, by sharing key, for as long as somebody holds the payload. */
const renderedTexts = new WeakMap<object, Map<string, Buffer>>();

/**
 * The event of a payload. All readers of a queue get the same message object, and those with the same sharing key get
 * one text. Hazard: so the fields of a subscription must depend on nothing of the caller but its rights.
 */
function render(payload: object, rendering: Rendering): Buffer | PendingEvent {
  const { key, args, context, position, cost, mask, onErrors } = rendering;
  const known = key === null ? undefined : renderedTexts.get(payload)?.get(key);
  if (known !== undefined) return known;
  const textOf = ({ data, errors }: ExecutionResult): Buffer => {
    const result = {
      ...(data === undefined ? {} : { data }),
      ...(errors ? { errors: errors.map(mask) } : {}),
      ...cost,
    };
    const text = nextEvent(result, position.lineOf(payload));
    if (errors) onErrors();
    else if (key !== null) {
      const texts = renderedTexts.get(payload) ?? new Map<string, Buffer>();
      renderedTexts.set(payload, texts.set(key, text));
    }
    return text;
  };
  const eventContext = context.ofEvent();
  const result = execute({ ...args, rootValue: payload, contextValue: eventContext });
  if (!(result instanceof Promise)) return textOf(result);
  // The root field has counted its message before `execute` returned.
  return { bytes: eventContext.answer.countedBytes, text: result.then(textOf) };
}

/**
 * Equal for subscriptions that render a payload to the same text; null when that is not cheap to tell. The arguments of
 * root fields do not count: they say which payloads come. What the answer depends on of the caller does: a payload leads to
 * other things.
 */
function sharingKey(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  { operationName, query }: OperationRequest,
  access: Access,
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
  return usesVariables ? null : JSON.stringify([onWhom(access, query ?? ""), operationName, query]);
}

function lastEventIdOf({ headers }: FastifyRequest): string | null {
  const id = headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : null;
}

/** From the URL of a GET or the body of a POST. BAD_INPUT when it is no request for an operation. */
function readOperationRequest(request: FastifyRequest, body: Record<string, unknown> | null): OperationRequest {
  const { query, operationName, variables } = request.method === "GET" ? readSearch(request) : (body ?? {});
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

function readSearch(request: FastifyRequest): Record<string, unknown> {
  const search = new URL(request.raw.url ?? "", "http://localhost").searchParams;
  const variables = search.get("variables");
  try {
    return {
      query: search.get("query"),
      operationName: search.get("operationName"),
      variables: variables === null ? null : parseRequest(variables),
    };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError("BAD_INPUT", "`variables` is not JSON.");
  }
}
