/** The GraphQL door: one endpoint over HTTP, and the same inside the process. */
import { randomUUID } from "node:crypto";
import { ApolloServer, type ApolloServerPlugin, type GraphQLRequestContext, HeaderMap } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Access } from "../access/access.ts";
import type { Limits } from "../config.ts";
import { DomainError, HTTP_STATUS } from "../errors.ts";
import type { Operations } from "../operations/operations.ts";
import { GraphQLContext } from "./context.ts";
import { COUNTED_ERRORS, createDocuments, VALIDATION } from "./documents.ts";
import { type ErrorLog, maskError } from "./errors.ts";
import { createEvents } from "./events.ts";
import { createExecute, createExecutor, type Execute } from "./execute.ts";
import { answerText, refusedStatus, unavailable } from "./http-answer.ts";
import { parseJson } from "./json.ts";
import { MAX_TOKENS, measureRule } from "./limits.ts";
import { type OnOperation, secondsSince } from "./observe.ts";
import { createPlainRequests } from "./plain-requests.ts";
import { schema } from "./schema.ts";
import { createWaits } from "./waits.ts";

export interface GraphQLDoorParts {
  operations: Operations;
  limits: Limits;
  log: ErrorLog;
  /** Who is asking. May throw a DomainError, which is the answer then. */
  accessOf: (request: FastifyRequest) => Access;
  /** Where a browser that opens the endpoint is sent. */
  explorerPath: string;
  /** Called once for each operation that ended. */
  onOperation?: OnOperation;
}

export interface GraphQLDoor {
  /**
   * Register it under the endpoint's path: `api.register(door.routes, { prefix: "/graphql" })`. It keeps to the server's body limit and leaves
   * errors before a request is read to the server's error handler. When the server begins to close, streams complete and long polls answer.
   */
  routes: FastifyPluginAsync;
  /** The same API without HTTP, in the name of `access`. */
  executeAs(access: Access): Execute;
}

export function createGraphQLDoor(parts: GraphQLDoorParts): GraphQLDoor {
  const { operations, limits, log, accessOf, explorerPath, onOperation = () => {} } = parts;
  const documents = createDocuments(limits);
  const waits = createWaits();
  const contextFor = (access: Access, reply: FastifyReply) =>
    new GraphQLContext({ access, operations, limits, signal: () => waits.signalOf(reply) });
  const apollo = createApollo(limits, log, onOperation);
  const executor = createExecutor({ log, onOperation });
  const plain = createPlainRequests({ documents, executor });
  const events = createEvents({ documents, log, onOperation, contextFor, maximumStreams: limits.MAX_LIVE_STREAMS });

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const accept = request.headers.accept ?? "";
    if (request.method === "GET" && accept.includes("text/html")) return reply.redirect(explorerPath, 303);
    const access = accessOf(request);
    const body = readBody(request);
    if (accept.includes("text/event-stream")) {
      return await events.handle(request, reply, access, isObject(body) ? body : null);
    }
    const context = () => contextFor(access, reply);
    const answered = isObject(body) ? plain.answer(request, reply, body, context) : null;
    if (answered !== null) return await answered;
    const url = request.raw.url ?? "";
    const response = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers: headersOf(request),
        search: url.includes("?") ? url.slice(url.indexOf("?")) : "",
        body,
      },
      context: async () => context(),
    });
    reply.code(response.status ?? 200).headers(Object.fromEntries(response.headers));
    return reply.send(response.body.kind === "complete" ? response.body.string : response.body.asyncIterator);
  }

  return {
    executeAs: createExecute({ operations, limits, log, documents, executor }),
    routes: async (scope) => {
      await apollo.start();
      scope.addHook("preClose", async () => waits.end());
      scope.addHook("onClose", () => apollo.stop());
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
      scope.all("/", answer);
    },
  };
}

function createApollo(limits: Limits, log: ErrorLog, onOperation: OnOperation): ApolloServer<GraphQLContext> {
  // Apollo formats an error without saying whose request it was.
  const requestIds = new WeakMap<object, string>();
  const plugin: ApolloServerPlugin<GraphQLContext> = {
    requestDidStart: async () => {
      const begun = performance.now();
      return {
        didEncounterErrors: async ({ errors, contextValue }) => {
          for (const error of errors) requestIds.set(error, contextValue.access.requestId);
        },
        didResolveOperation: async ({ operation }) => {
          if (operation?.operation !== "subscription") return;
          throw new GraphQLError("A subscription is a stream of events: send it with `Accept: text/event-stream`.", {
            extensions: { http: { status: HTTP_STATUS.invalid } },
          });
        },
        willSendResponse: async (context) => {
          context.contextValue.time.end();
          const errors = errorsOf(context);
          onOperation(
            { type: context.operation?.operation ?? "unknown", outcome: errors ? "error" : "ok" },
            secondsSince(begun),
          );
          if (errors) chooseStatus(context, errors);
        },
      };
    },
  };
  return new ApolloServer<GraphQLContext>({
    schema,
    // The first would put a wrapper around every field's resolver.
    plugins: [ApolloServerPluginCacheControlDisabled(), plugin],
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    persistedQueries: false,
    nodeEnv: "production",
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (message) => log.error({}, String(message)) },
    parseOptions: { maxTokens: MAX_TOKENS },
    validationRules: [measureRule(limits)],
    validationOptions: VALIDATION,
    executionOptions: { maxCoercionErrors: COUNTED_ERRORS },
    formatError: (_formatted, error) =>
      maskError(error, { log, requestId: requestIds.get(error as object) ?? randomUUID() }),
    stringifyResult: answerText,
  });
}

function errorsOf({ response }: GraphQLRequestContext<GraphQLContext>): readonly GraphQLFormattedError[] | undefined {
  return response.body?.kind === "single" ? response.body.singleResult.errors : undefined;
}

function chooseStatus(context: GraphQLRequestContext<GraphQLContext>, errors: readonly GraphQLFormattedError[]): void {
  const { request, response, source } = context;
  const away = unavailable(response.body?.kind === "single" ? response.body.singleResult.data : undefined, errors);
  if (away !== null) {
    response.http.status = away.status;
    response.http.headers.set("retry-after", away.retryAfter);
  } else if (source !== undefined && response.http.status === HTTP_STATUS.invalid) {
    response.http.status = refusedStatus(request.http?.headers.get("accept"));
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The parsed body, its unusual numbers kept; undefined where there is none or it is not sent as JSON. BAD_INPUT when it is not JSON in UTF-8. */
function readBody({ body, headers }: FastifyRequest): unknown {
  const isJson = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() === "application/json";
  if (!isJson || !Buffer.isBuffer(body)) return undefined;
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new DomainError("BAD_INPUT", "The body is not text in UTF-8.");
  }
  try {
    return parseJson(text);
  } catch {
    throw new DomainError("BAD_INPUT", "The body is not JSON.");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return map;
}
