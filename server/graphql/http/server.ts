/** The GraphQL door: one endpoint over HTTP, and the same inside the process. */
import { HeaderMap } from "@apollo/server";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Access } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { Operations } from "../../operations/operations.ts";
import { createExports, type Exports } from "../exports/exports.ts";
import { GraphQLContext } from "../schema/context.ts";
import type { Answered } from "./answer.ts";
import { createApollo } from "./apollo.ts";
import { createDocuments } from "./documents.ts";
import { EventStreams } from "./event-streams.ts";
import { createEvents } from "./events.ts";
import { createExecute, createExecutor, type Execute, type Executor } from "./execute.ts";
import { createFastPath } from "./fast-path.ts";
import type { ErrorLog } from "./mask-errors.ts";
import type { OnOperation } from "./observe.ts";
import { parseRequest } from "./request-json.ts";
import { SharedAnswers } from "./shared-answers.ts";
import { TrustedDocuments } from "./trusted-documents.ts";
import { createWaits, type Waits } from "./waits.ts";

export interface GraphQLDoorParts {
  operations: Operations;
  limits: Limits;
  log: ErrorLog;
  /** The caller. May throw a DomainError, which then is the answer. */
  accessOf: (request: FastifyRequest) => Access;
  /** Browsers that open the endpoint are redirected there. */
  explorerPath: string;
  /** Documents that are known before anybody asks. Left out: none are. */
  trusted?: TrustedDocuments;
  /** Called once for each operation that ended. */
  onOperation?: OnOperation;
  /** Wraps the executor, through which all queries and mutations go. Left out: it stays as it is. */
  traceExecutor?: ((executor: Executor) => Executor) | undefined;
}

export interface GraphQLDoor {
  /**
   * Register it under the path of the endpoint: `api.register(door.routes, { prefix: "/graphql" })`. The body limit of
   * the server applies, and its error handler answers errors before a request is read. When the server begins to close,
   * streams end and long polls answer.
   */
  routes: FastifyPluginAsync;
  /**
   * The same API without HTTP, for the caller `access`. Unless `fresh`, which is the default, an answer may be up to a
   * second old and shared with others: then nobody may change what it holds.
   */
  executeAs(access: Access, options?: { fresh: boolean }): Execute;
  /** Whole lists, page by page. */
  exports: Exports;
  /** The rights of these callers have changed: their streams end, and their long polls answer with what there is. */
  endWaitsOf(isConcerned: (access: Access) => boolean): void;
  /** Aborts as the signals of its own requests do: see Waits. */
  signalOf: Waits["signalOf"];
}

export function createGraphQLDoor(parts: GraphQLDoorParts): GraphQLDoor {
  const { operations, limits, log, accessOf, explorerPath, onOperation = () => {} } = parts;
  const { traceExecutor = (executor) => executor } = parts;
  const known = createDocuments(limits);
  const trusted = parts.trusted ?? new TrustedDocuments({ only: false, builtIn: [], folder: null });
  const documents = trusted.guard(known);
  const waits = createWaits();
  const contextFor = (access: Access, reply: FastifyReply) =>
    new GraphQLContext({
      access,
      operations,
      limits,
      rateLimits: reply.request.rateLimits,
      showsCost: reply.request.headers["x-cost"] === "1",
      signal: () => waits.signalOf(reply, access),
      isOutdated: () => waits.isOutdated(reply),
      shared,
    });
  const executor = traceExecutor(createExecutor({ log, onOperation }));
  // What pages run inside the process is part of the build.
  const executeAs = createExecute({ operations, limits, documents: known, executor });
  const shared = new SharedAnswers<Answered>({
    run: (access, query, variables) => executeAs(access)(query, variables),
    isQuery: (query, variables) => documents.prepare({ query, variables }).operation?.operation === "query",
  });
  const apollo = createApollo({ documents, executor, log, onOperation });
  const fastPath = createFastPath({ documents, executor });
  const streams = new EventStreams({ maxStreams: limits.MAX_LIVE_STREAMS });
  const events = createEvents({ documents, executor, streams, log, onOperation, contextFor });

  /** Errors that it throws are answered by the server's error handler. */
  function answer(request: FastifyRequest, reply: FastifyReply): unknown {
    const accept = request.headers.accept ?? "";
    if (request.method === "GET" && accept.includes("text/html")) return reply.redirect(explorerPath, 303);
    const access = accessOf(request);
    const body = readBody(request);
    const takesEvents = accept.includes("text/event-stream");
    const isReady = !takesEvents && !trusted.only && !(isObject(body) && body.documentId !== undefined);
    return isReady && isObject(body) && fastPath.answers(request, reply, body, () => contextFor(access, reply))
      ? undefined
      : answerInFull(request, reply, access, body, takesEvents);
  }

  /** What the fast path does not know, and what it answers once the document is known. */
  async function answerInFull(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    sent: unknown,
    takesEvents: boolean,
  ) {
    const body = isObject(sent) && sent.documentId !== undefined ? await withText(sent) : sent;
    if (trusted.only) await trusted.learn(textOf(request, body));
    if (takesEvents) {
      const operation = isObject(body) ? body : null;
      // Some clients accept both with each request. Only a subscription needs a stream.
      if (!TAKES_JSON.test(request.headers.accept ?? "") || events.isSubscription(request, operation)) {
        return await events.handle(request, reply, access, operation);
      }
    }
    const context = () => contextFor(access, reply);
    if (isObject(body) && fastPath.answers(request, reply, body, context)) return reply;
    const url = request.raw.url ?? "";
    const given = {
      method: request.method,
      headers: headersOf(request, { originIsChecked: takesEvents }),
      search: url.includes("?") ? url.slice(url.indexOf("?")) : "",
      body,
    };
    const response = await apollo.answer(given, access.requestId, context);
    reply.code(response.status ?? 200).headers(Object.fromEntries(response.headers));
    return reply.send(response.body.kind === "complete" ? response.body.string : response.body.asyncIterator);
  }

  /** The body with the text of the document whose id it has instead of one. */
  async function withText({ documentId, ...rest }: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (typeof documentId !== "string" || rest.query !== undefined) {
      throw new DomainError("BAD_INPUT", "Send `query` or `documentId`, a text, and not both.");
    }
    return { ...rest, query: await trusted.textOf(documentId) };
  }

  return {
    executeAs:
      (access, { fresh } = { fresh: true }) =>
      (query, variables = {}) =>
        shared.answer(access, query, variables, { fresh }),
    // Not through the shared answers, which would keep each page for a while.
    exports: createExports(executeAs, limits),
    endWaitsOf: (isConcerned) => waits.endOf(isConcerned),
    signalOf: (reply, access) => waits.signalOf(reply, access),
    routes: async (scope) => {
      await apollo.start();
      scope.addHook("preClose", async () => waits.end());
      scope.addHook("onClose", () => apollo.stop());
      scope.removeAllContentTypeParsers();
      // By name, Fastify finds the parser without taking the header apart.
      scope.addContentTypeParser(["application/json", "*"], { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
      );
      scope.all("/", answer);
    },
  };
}

/** The document's text of a POST, or of a GET's URL. */
function textOf({ method, raw }: FastifyRequest, body: unknown): string {
  const query = method === "GET" ? new URL(raw.url ?? "", "http://localhost").searchParams.get("query") : undefined;
  const text = query ?? (isObject(body) ? body.query : undefined);
  return typeof text === "string" ? text : "";
}

const TAKES_JSON = /application\/(graphql-response\+)?json/;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The parsed body, with numbers as parseRequest keeps them. Undefined when there is none or its content type is not
 * JSON. BAD_INPUT when it is not JSON in UTF-8.
 */
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
    return parseRequest(text);
  } catch (error) {
    throw error instanceof DomainError ? error : new DomainError("BAD_INPUT", "The body is not JSON.");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `originIsChecked`: `accessOf` has refused pages of other sites, as it does for whoever accepts a stream. */
function headersOf({ headers }: FastifyRequest, { originIsChecked }: { originIsChecked: boolean }): HeaderMap {
  const map = new HeaderMap();
  if (originIsChecked) map.set("apollo-require-preflight", "not needed");
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return map;
}
