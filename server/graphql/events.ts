/** Operations over server-sent events, one stream per request (graphql-sse's "distinct connections"). The only way to run a subscription. */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionArgs, type ExecutionResult, GraphQLError, subscribe } from "graphql";
import { createHandler, type ExecutionPatchResult, type Request, type RequestParams, type Response } from "graphql-sse";
import type { Access } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { GraphQLContext } from "./context.ts";
import { COERCION, type Documents } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import type { ExecuteResult, Executor } from "./execute.ts";
import { unmarkJson } from "./json.ts";
import { type OnOperation, type OperationSeen, secondsSince } from "./observe.ts";
import { schema } from "./schema.ts";

/** Events that may wait for a slow reader; then the source is read no further. */
const MOST_WAITING = 16;

/** Addresses are followed by whoever sees them: reading one must change nothing. */
const NO_MUTATION_BY_GET: Response = [
  JSON.stringify({ errors: [{ message: "A mutation is sent by POST." }] }),
  { status: 405, statusText: "Method Not Allowed", headers: { allow: "POST" } },
];

interface Parts {
  documents: Documents;
  executor: Executor;
  log: ErrorLog;
  onOperation: OnOperation;
  contextFor: (access: Access, reply: FastifyReply) => GraphQLContext;
  maximumStreams: number;
}

/** One request and its stream. */
interface Stream {
  context: GraphQLContext;
  /** Of a subscription. What is no stream is counted where it runs. */
  seen: OperationSeen | null;
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

export function createEvents({ documents, executor, log, onOperation, contextFor, maximumStreams }: Parts): Events {
  let open = 0;
  const mask = (error: unknown, { access }: GraphQLContext) => maskError(error, { requestId: access.requestId, log });

  function onSubscribe({ context: stream, method }: SseRequest, params: RequestParams) {
    const prepared = documents.prepare(params);
    const type = prepared.operation?.operation;
    if (type === "mutation" && method === "GET") return NO_MUTATION_BY_GET;
    if (prepared.errors || type !== "subscription") return once(executor(prepared, stream.context));
    stream.seen = { type: "subscription", outcome: "ok" };
    return {
      schema,
      document: prepared.document,
      operationName: params.operationName,
      variableValues: params.variables,
      contextValue: Object.create(stream.context.ofStream()),
      ...COERCION,
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
    if (!result.errors || stream.seen === null) return result;
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
      if (stream.seen) onOperation(stream.seen, secondsSince(stream.begun));
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
      seen: null,
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

/** A stream of one event. Its errors are masked already, so to graphql-sse they only look like graphql-js' own. */
async function* once(result: Promise<ExecuteResult>): AsyncGenerator<ExecutionResult> {
  yield (await result) as ExecutionResult;
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
