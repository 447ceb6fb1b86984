/** Operations over server-sent events, one stream per request (graphql-sse's "distinct connections"). The only way to run a subscription. */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST, subscribe } from "graphql";
import { createHandler, type ExecutionPatchResult, type Request, type RequestParams } from "graphql-sse";
import type { Access } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { GraphQLContext } from "./context.ts";
import { COUNTED_ERRORS, type Documents } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import { unmarkJson } from "./json.ts";
import { type OnOperation, type OperationSeen, secondsSince } from "./observe.ts";
import { schema } from "./schema.ts";

/** Events that may wait for a slow reader; then the source is read no further. */
const MOST_WAITING = 16;

interface Parts {
  documents: Documents;
  log: ErrorLog;
  onOperation: OnOperation;
  contextFor: (access: Access, reply: FastifyReply) => GraphQLContext;
  maximumStreams: number;
}

/** One request and its stream. */
interface Stream {
  context: GraphQLContext;
  seen: OperationSeen;
  /** By performance.now(). */
  begun: number;
  /** Events given to the stream and not yet taken by the socket. */
  waiting: number;
  /** Wakes whoever waits for `waiting` to fall. */
  taken: () => void;
}

type SseRequest = Request<FastifyRequest, Stream>;

export interface Events {
  handle(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    body: Record<string, unknown> | null,
  ): Promise<unknown>;
}

export function createEvents({ documents, log, onOperation, contextFor, maximumStreams }: Parts): Events {
  let open = 0;
  const mask = (error: unknown, { access }: GraphQLContext) => maskError(error, { requestId: access.requestId, log });

  function onSubscribe({ context: stream }: SseRequest, { query, operationName, variables }: RequestParams) {
    const prepared = documents.prepare(query);
    if (prepared.errors) return once({ errors: prepared.errors });
    const operation = getOperationAST(prepared.document, operationName);
    if (!operation)
      return once({ errors: [new GraphQLError("Say with `operationName` which operation of the document to run.")] });
    stream.seen.type = operation.operation;
    return {
      schema,
      document: prepared.document,
      operationName,
      variableValues: variables,
      contextValue: Object.create(operation.operation === "subscription" ? stream.context.ofStream() : stream.context),
      options: { maxCoercionErrors: COUNTED_ERRORS },
    };
  }

  async function onNext(
    _context: unknown,
    { context: stream }: SseRequest,
    result: ExecutionResult | ExecutionPatchResult,
  ) {
    stream.waiting++;
    while (stream.waiting > MOST_WAITING && !stream.context.signal.aborted) {
      await new Promise<void>((resolve) => {
        stream.taken = resolve;
      });
    }
    if (!result.errors) return result;
    stream.seen.outcome = "error";
    // What is written is JSON either way; graphql-sse knows the type from before it was masked only.
    return {
      ...result,
      errors: result.errors.map((error) => mask(error, stream.context)),
    } as unknown as ExecutionResult;
  }

  const handler = createHandler<FastifyRequest, Stream, Record<PropertyKey, unknown>>({
    // No token, no single connection mode: it would keep streams in this process' memory between requests.
    authenticate: () => null,
    onSubscribe,
    // Documents come checked from `prepare`.
    validate: () => [],
    subscribe: subscribeToTheEnd,
    onNext,
    onComplete: (_context, { context: stream }) => {
      stream.context.time.end();
      onOperation(stream.seen, secondsSince(stream.begun));
    },
  });

  async function handle(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    body: Record<string, unknown> | null,
  ) {
    if (open >= maximumStreams) {
      throw new DomainError(
        "TOO_MANY_REQUESTS",
        "This process holds as many streams as it may. Close one, or try again later.",
      );
    }
    const stream: Stream = {
      context: contextFor(access, reply),
      seen: { type: "unknown", outcome: "ok" },
      begun: performance.now(),
      waiting: 0,
      taken: () => {},
    };
    open++;
    reply.raw.once("close", () => open--);
    stream.context.signal.addEventListener("abort", () => stream.taken());
    const [answer, { status, headers = {} }] = await handler({
      method: request.method,
      url: request.raw.url ?? "",
      headers: {
        get: (name) => (name === "accept" ? "text/event-stream" : (request.headers[name] as string | undefined)),
      },
      body,
      raw: request,
      context: stream,
    });
    reply.code(status).headers(headers);
    if (answer !== null && typeof answer !== "string") {
      return reply.send(Readable.from(written(answer, stream), { highWaterMark: 1 }));
    }
    const message = answer === null ? "The request makes no sense here." : messageOf(answer);
    return reply.send({
      errors: [mask(new GraphQLError(message, { extensions: { http: { status } } }), stream.context)],
    });
  }

  return { handle };
}

/** graphql-sse drops the connection when a source fails; this says why, and completes. */
async function subscribeToTheEnd(args: ExecutionArgs) {
  const result = await subscribe(args);
  return Symbol.asyncIterator in result ? withLastError(result) : result;
}

async function* withLastError(results: AsyncGenerator<ExecutionResult, void, void>): AsyncGenerator<ExecutionResult> {
  try {
    yield* results;
  } catch (error) {
    const originalError = error instanceof Error ? error : new Error(String(error));
    yield { errors: [new GraphQLError(originalError.message, { originalError })] };
  }
}

async function* once(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result;
}

async function* written(chunks: AsyncGenerator<string>, stream: Stream): AsyncGenerator<string> {
  for await (const chunk of chunks) {
    yield unmarkJson(chunk);
    if (chunk.startsWith("event: next")) stream.waiting--;
    stream.taken();
  }
}

/** graphql-sse's own refusals are fixed sentences. */
function messageOf(answer: string): string {
  const { errors } = JSON.parse(answer) as { errors?: { message?: string }[] };
  return errors?.[0]?.message ?? "The request makes no sense here.";
}
