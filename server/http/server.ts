/** The HTTP server: what every request goes through, the API's routes, and the pages behind them. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import type { Access } from "../access/access.ts";
import { createRequestAccess } from "../access/request-access.ts";
import type { Config } from "../config.ts";
import type { Metrics } from "../metrics.ts";
import type { HealthOperations } from "../operations/health.ts";
import { answer, answerError } from "./errors.ts";
import { watchEventLoop } from "./event-loop.ts";
import { addHealthRoutes, BUILD_HEADER } from "./health-routes.ts";
import type { Pages } from "./pages.ts";
import { API_HEADERS, pageHeaders } from "./security-headers.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is asking. Set before any route runs. */
    access: Access;
  }
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the common load balancers', so that the connection is never closed under a request of theirs. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

export interface HttpServerParts {
  config: Config;
  log: Logger;
  health: HealthOperations;
  metrics: Metrics;
  dev: boolean;
  isDraining: () => boolean;
  /** Adds the routes of the API; their addresses begin at BASE_PATH/api. */
  addApi: (api: FastifyInstance) => void;
  /** Null: an API without pages. */
  pages: { open: Pages; as: (access: Access, render: () => Promise<void>) => Promise<void> } | null;
}

/** Not listening yet. Closing it ends listening, waits for requests in flight, and closes idle connections. */
export async function createHttpServer(parts: HttpServerParts): Promise<FastifyInstance> {
  const { config, log, pages, dev } = parts;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: config.MAX_REQUEST_SIZE,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    // One logger for all: our own lines name their request themselves, and a logger for each request costs every one of them.
    childLoggerFactory: (logger) => logger,
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
  }) as unknown as FastifyInstance;
  const accessOf = createRequestAccess(config);
  const apiPath = `${config.BASE_PATH}/api`;
  const explorerPath = `${config.BASE_PATH}/graphql`;
  const eventLoop = watchEventLoop();
  app.addHook("onClose", async () => eventLoop.stop());

  app.setErrorHandler((error, request, reply) => refuse(error, request, reply));
  app.setNotFoundHandler((request, reply) => notFound(request, reply));

  app.addHook("onRequest", async (request, reply) => {
    const path = pathOf(request);
    const isApi = path === apiPath || path.startsWith(`${apiPath}/`);
    const own = { "x-request-id": request.id, ...(parts.isDraining() ? { connection: "close" } : {}) };
    if (isApi) reply.headers(API_HEADERS).headers(own);
    else {
      const nonce = randomBytes(16).toString("base64url");
      const headers = pageHeaders(nonce, { dev, explorer: path === explorerPath });
      // On the raw response: pages are written past Fastify.
      for (const [name, value] of Object.entries({ ...headers, ...own })) reply.raw.setHeader(name, value);
      // Next reads the nonce from the request; whatever a client sent there is overwritten.
      request.raw.headers["content-security-policy"] = headers["content-security-policy"];
      // Likewise the layout reads which build it is of.
      if (pages) request.raw.headers[BUILD_HEADER] = pages.open.build;
    }
    request.access = accessOf(request.raw, request.id);
  });

  app.addHook("onResponse", async (request, reply) => {
    const status = reply.raw.statusCode;
    const seconds = reply.elapsedTime / 1000;
    const stream = String(reply.getHeader("content-type") ?? "").startsWith("text/event-stream");
    if (!stream) {
      const route = request.routeOptions.url ?? "none";
      parts.metrics.httpSeconds.observe({ method: request.method, route, status }, seconds);
    }
    // The path only: a query may hold what nobody should read in a log.
    log.debug({ requestId: request.id, method: request.method, path: pathOf(request), status, seconds }, "Answered");
  });

  await app.register(
    async (api) => {
      addHealthRoutes(api, { ...parts, eventLoop, build: pages?.open.build ?? null });
      parts.addApi(api);
      api.all("/*", notFound);
    },
    { prefix: apiPath },
  );
  if (pages) await app.register(async (scope) => addPages(scope, { ...pages, dev }));
  return app;
}

/** Answers an upgrade that is not taken. */
export function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function addPages(scope: FastifyInstance, pages: NonNullable<HttpServerParts["pages"]> & { dev: boolean }): void {
  // Next reads bodies itself, if it ever needs one.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/*", async (request, reply) => {
    if (!pages.dev && request.method !== "GET" && request.method !== "HEAD") {
      const { status, body } = answer("BAD_INPUT", 405, "Pages can only be read. Use /api/graphql for changes.", {});
      return reply.code(status).header("allow", "GET, HEAD").send(body);
    }
    reply.hijack();
    await pages.as(request.access, () => pages.open.handle(request.raw, reply.raw));
  });
}

function notFound(_request: FastifyRequest, reply: FastifyReply) {
  const { status, body } = answer("NOT_FOUND", 404, "There is nothing at this address.", {});
  return reply.code(status).send(body);
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { status, body } = answerError(error, request.id);
  if (status === 500) request.log.error({ err: error, requestId: request.id }, "A request failed");
  if (status === 503) reply.header("retry-after", "2");
  return reply.code(status).send(body);
}

function pathOf(request: FastifyRequest): string {
  return request.raw.url?.split("?", 1)[0] ?? "";
}
