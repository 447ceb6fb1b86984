/** The HTTP server: the hooks that every request goes through, the routes of the API, and the pages. */
import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import type { Access } from "../access/access.ts";
import { MIN_PASSWORD_LENGTH } from "../access/accounts/passwords.ts";
import type { Credentials } from "../access/credentials.ts";
import { type RateLimit, rateLimitHeaders } from "../access/rate-limits.ts";
import { type Asker, createRequestAccess } from "../access/request-access.ts";
import { type Caller, createShell } from "../access/shell.ts";
import type { Config } from "../config.ts";
import type { Metrics } from "../metrics/process-metrics.ts";
import type { Scrape } from "../metrics/scrape.ts";
import type { HealthOperations } from "../operations/health/health.ts";
import { answer, answerError, COMPRESSED, type ErrorAnswer } from "./answer-errors.ts";
import { answerClientError } from "./client-errors.ts";
import { createCompression } from "./compression.ts";
import { allowOrigin } from "./cross-origin.ts";
import { DrainingServer } from "./draining-server.ts";
import { watchEventLoop } from "./event-loop.ts";
import { addHealthRoutes, BUILD_HEADER } from "./health-routes.ts";
import { NOBODY, openPaths } from "./nobody.ts";
import type { Pages } from "./pages.ts";
import { API_HEADERS, pageHeaders, TLS_HEADER } from "./security-headers.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** How it came. Set before any route runs. */
    caller: Caller;
    /** Who asks. Set before any route runs, but for those that are open to everybody: see nobody.ts. */
    access: Access;
    /** What is left of the limits on the caller's requests. Left out: there are none. */
    rateLimits?: readonly RateLimit[];
  }
}

/** The pages set it for some seconds after each action: see components/api.ts. */
const ACTED_COOKIE = /(^|;\s*)isimud-acted=/;
/** Carries ENVIRONMENT_COLOR and ENVIRONMENT_NAME to the pages. */
const ENVIRONMENT_HEADER = "x-isimud-environment";
/** Tells the pages how people sign in. */
const AUTH_HEADER = "x-isimud-auth";
/** The path that replaces one that cannot be decoded: no page has it, so a person sees the page "not found". */
const NO_PAGE = "/not-an-address";
const HTTP_OPTIONS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Longer than that of common load balancers, so that a connection never closes while they send a request. */
  keepAliveTimeout: 72_000,
  // Access refuses a request without one, with an error of ours.
  requireHostHeader: false,
} as const;
/** For requests in flight, once streams were asked to end. */
const REQUESTS_DEADLINE_MS = 6000;
/** After so long it is asked again who sends the request, once its body is there. */
const SLOW_BODY_MS = 1000;
/** How much of a refused request's body is read and thrown away. */
const MAX_DISCARDED_BYTES = 64 * 1_048_576;

export interface HttpServerParts {
  config: Config;
  log: Logger;
  /** Null with AUTH=none. */
  credentials: Pick<Credentials, "identify" | "countAddress"> | null;
  health: HealthOperations;
  metrics: Pick<Metrics, "httpSeconds">;
  scrape: Scrape;
  /** Adds the hooks that give requests their spans. Left out: there are no traces. */
  traceRequests: ((app: FastifyInstance) => void) | undefined;
  dev: boolean;
  /** Adds the routes of the API, below BASE_PATH/api. */
  addApi: (api: FastifyInstance) => void;
  /** Null: an API without pages. */
  pages: { open: Pages; as: (viewer: Viewer, render: () => Promise<void>) => Promise<void> } | null;
}

/** Who looks at a page. */
export interface Viewer {
  /** Null: nobody has signed in. */
  access: Access | null;
  /** The viewer has just acted and must see what came of it: no answer that another viewer asked for before. */
  fresh: boolean;
}

export interface HttpServer {
  /**
   * It does not listen yet. Closing it ends listening, answers the requests that were read, and ends idle connections.
   */
  app: FastifyInstance;
  /**
   * From now on readiness says 503, and each answer is the last on its connection. `hasty`: closing does not wait for
   * idle connections.
   */
  drain(options: { hasty: boolean }): void;
}

export async function createHttpServer(parts: HttpServerParts): Promise<HttpServer> {
  const { config, log, pages, dev } = parts;
  const apiPath = `${config.BASE_PATH}/api`;
  let draining = false;
  // Fastify calls serverFactory before it returns.
  let server!: DrainingServer;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: config.MAX_REQUEST_SIZE,
    serverFactory: (listener) => {
      const bounds = { deadlineMs: REQUESTS_DEADLINE_MS, maxUnreadBytes: config.MAX_WAITING_ANSWER_BYTES };
      server = new DrainingServer(HTTP_OPTIONS, bounds, listener);
      return server;
    },
    // DrainingServer closes them itself, once clients had time to send what is on its way.
    forceCloseConnections: false,
    return503OnClosing: false,
    clientErrorHandler: (error, socket) =>
      answerClientError(error, socket as Socket, server.isAnswering(socket as Socket)),
    rewriteUrl: ({ url = "/" }) =>
      pages === null || isDecodable(url, apiPath) ? url : `${config.BASE_PATH}${NO_PAGE}`,
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
  }) as unknown as FastifyInstance;
  // One logger for all requests: our log lines name their request, and a logger per request costs time. So does a
  // childLoggerFactory, because Fastify checks each logger that it returns.
  app.log.child = () => app.log;
  const shell = createShell(config);
  const askerOf = createRequestAccess(config, parts.credentials);
  const open = openPaths(config);
  const explorerPath = `${config.BASE_PATH}/graphql`;
  const environment = environmentHeader(config);
  const auth = authHeader(config);
  const eventLoop = watchEventLoop();
  app.addHook("onClose", async () => eventLoop.stop());

  app.setErrorHandler((error, request, reply) => refuse(error, request, reply));
  app.setNotFoundHandler((request, reply) => notFound(request, reply));

  parts.traceRequests?.(app);
  // Both hooks are called for each request, and a promise for each would cost time.
  app.addHook("onRequest", (request, reply, done) => {
    const path = pathOf(request);
    const isApi = path === apiPath || path.startsWith(`${apiPath}/`);
    const isSignIn = path.startsWith(`${apiPath}/auth/`);
    const idHeader = { "x-request-id": request.id };
    if (isApi) reply.headers(API_HEADERS).headers(idHeader);
    else {
      const nonce = randomBytes(16).toString("base64url");
      const headers = pageHeaders(nonce, { dev, explorer: path === explorerPath });
      // On the raw response, because Next writes pages without Fastify.
      for (const [name, value] of Object.entries({ ...headers, ...idHeader })) reply.raw.setHeader(name, value);
      // Next reads the nonce from the request. This overwrites what a client sent there.
      request.raw.headers["content-security-policy"] = headers["content-security-policy"];
      // The layout reads the build and the environment from the request in the same way.
      if (pages) request.raw.headers[BUILD_HEADER] = pages.open.build;
      if (environment === undefined) delete request.raw.headers[ENVIRONMENT_HEADER];
      else request.raw.headers[ENVIRONMENT_HEADER] = environment;
      request.raw.headers[AUTH_HEADER] = auth;
    }
    const proceed = () => {
      const encoding = request.headers["content-encoding"];
      if (encoding === undefined || encoding === "identity") return done();
      void answerWith(reply, COMPRESSED);
    };
    const accept = ({ access, rateLimits }: Asker) => {
      if (rateLimits.length > 0) {
        request.rateLimits = rateLimits;
        reply.headers(rateLimitHeaders(rateLimits));
      }
      if (access !== null) request.access = access;
      else if (isApi) return void answerWith(reply, NOBODY);
      else if (!open.isOpenPage(path)) return void reply.redirect(open.signIn(request.raw.url ?? "/"), 303);
      proceed();
    };
    try {
      request.caller = shell(request.raw);
      if (request.caller.isSecure) reply.raw.setHeader(...TLS_HEADER);
      if (isApi && allowOrigin(request, reply, request.caller, isSignIn)) return;
      if (parts.credentials !== null && open.isOpen(path)) {
        if (isSignIn) parts.credentials.countAddress(request.caller);
        return proceed();
      }
      const asker = askerOf(request.raw, request.caller, request.id);
      if (asker instanceof Promise) asker.then(accept).catch(done);
      else accept(asker);
    } catch (error) {
      done(error as Error);
    }
  });

  // Rights may have changed while a slow client sent its body.
  app.addHook("preHandler", (request, reply, done) => {
    if (reply.elapsedTime < SLOW_BODY_MS || request.access === undefined) return done();
    const again = ({ access }: Asker) => {
      if (access === null) return void answerWith(reply, NOBODY);
      request.access = access;
      done();
    };
    Promise.resolve()
      .then(() => askerOf(request.raw, request.caller, request.id))
      .then(again)
      .catch(done);
  });

  app.addHook("onResponse", (request, reply, done) => {
    const status = reply.raw.statusCode;
    const seconds = reply.elapsedTime / 1000;
    const stream = String(reply.getHeader("content-type") ?? "").startsWith("text/event-stream");
    if (!stream) {
      const route = request.routeOptions.url ?? "none";
      parts.metrics.httpSeconds.observe({ method: request.method, route, status }, seconds);
    }
    if (log.isLevelEnabled("debug")) {
      // Only the path: a query string may hold secrets.
      log.debug({ requestId: request.id, method: request.method, path: pathOf(request), status, seconds }, "Answered");
    }
    done();
  });

  await app.register(
    async (api) => {
      api.addHook("onSend", createCompression());
      addHealthRoutes(api, {
        ...parts,
        eventLoop,
        isDraining: () => draining,
        build: pages?.open.build ?? null,
      });
      parts.addApi(api);
      api.all("/*", notFound);
    },
    { prefix: apiPath },
  );
  if (pages) await app.register(async (scope) => addPages(scope, { ...pages, dev }));
  return {
    app,
    drain: (how) => {
      draining = true;
      server.drain(how);
    },
  };
}

/** The layout of the pages reads it. Undefined: the installation has no name. */
function environmentHeader({ ENVIRONMENT_NAME: name, ENVIRONMENT_COLOR: color }: Config): string | undefined {
  return name === undefined ? undefined : `${color} ${encodeURIComponent(name)}`;
}

/** JSON in characters that a header may have. */
function authHeader({ AUTH, OIDC_ISSUER, OIDC_NAME }: Config): string {
  const oidc = OIDC_ISSUER === undefined ? null : OIDC_NAME;
  const json = JSON.stringify({ auth: AUTH, oidc, minPassword: MIN_PASSWORD_LENGTH });
  return json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Whether the router can decode the path. True for the API, which answers for itself. */
function isDecodable(url: string, apiPath: string): boolean {
  const path = pathIn(url);
  if (path.startsWith(`${apiPath}/`)) return true;
  try {
    decodeURI(path);
    return true;
  } catch {
    return false;
  }
}

/** Refuses an upgrade and ends its connection, to which no time-out of the server applies any more. */
export function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function addPages(scope: FastifyInstance, pages: NonNullable<HttpServerParts["pages"]> & { dev: boolean }): void {
  // Next reads bodies itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/*", async (request, reply) => {
    if (!pages.dev && request.method !== "GET" && request.method !== "HEAD") {
      const refusal = answer("BAD_INPUT", "Pages can only be read. Use /api/graphql for changes.", { status: 405 });
      return answerWith(reply.header("allow", "GET, HEAD"), refusal);
    }
    reply.hijack();
    const fresh = ACTED_COOKIE.test(request.headers.cookie ?? "");
    const access: Access | undefined = request.access;
    await pages.as({ access: access ?? null, fresh }, () => pages.open.handle(request.raw, reply.raw));
  });
}

function notFound(_request: FastifyRequest, reply: FastifyReply) {
  return answerWith(reply, answer("NOT_FOUND", "There is nothing at this URL."));
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const refusal = answerError(error, request.id);
  if (refusal.status === 500) request.log.error({ err: error, requestId: request.id }, "A request failed");
  return answerWith(reply, refusal);
}

/**
 * Answers, and keeps reading while the client still sends. If the connection closed meanwhile, the client would fail to
 * write (EPIPE) and never read the answer.
 */
function answerWith(reply: FastifyReply, { status, headers, body }: ErrorAnswer) {
  const answer = () => reply.code(status).headers(headers).send(body);
  if (reply.request.raw.complete || !hasBody(reply.request.raw)) return answer();
  reply.removeHeader("connection");
  const discarded = discard(reply.request.raw);
  // Node closes the connection after this answer when the client asked for it, or the server drains.
  return reply.raw.shouldKeepAlive ? answer() : discarded.then(answer);
}

/** Whether a body follows the headers. Node calls a request complete only once its handlers have returned. */
function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Throws away the rest of a body. Resolves at its end, or when the connection closes. */
function discard(request: IncomingMessage): Promise<void> {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) request.destroy();
  });
  return new Promise((resolve) => {
    request.once("end", resolve);
    request.once("close", resolve);
  });
}

/** As the router reads it. */
function pathOf(request: FastifyRequest): string {
  const path = pathIn(request.raw.url ?? "");
  if (!path.includes("%")) return path;
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function pathIn(url: string): string {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}
