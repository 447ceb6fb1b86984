/** The span of an HTTP request. It has neither its address nor anything else of it but the method and the route. */
import { type Context, defaultTextMapGetter, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { FastifyInstance } from "fastify";
import { type Spans, setFailed } from "./spans.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Null: it has no span. Left out: there are no traces. */
    traceContext?: Context | null;
  }
}

/** What asks every few seconds, and the files of pages: many spans that say nothing. */
const QUIET = /^\/(?:api\/(?:health|metrics)|_next)(?:[/?]|$)/;

export function traceRequests(app: FastifyInstance, spans: Spans, basePath: string): void {
  const propagator = new W3CTraceContextPropagator();
  app.decorateRequest("traceContext", null);

  app.addHook("onRequest", (request, _reply, done) => {
    if (QUIET.test((request.raw.url ?? "").slice(basePath.length))) return done();
    const route = request.routeOptions.url;
    const attributes = {
      "http.request.method": request.method,
      ...(route === undefined ? {} : { "http.route": route }),
      "isimud.request.id": request.id,
    };
    const name = route === undefined ? request.method : `${request.method} ${route}`;
    // One that is invalid counts as none.
    const parent = propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
    const span = spans.start(name, { kind: SpanKind.SERVER, attributes }, parent);
    request.traceContext = trace.setSpan(parent, span);
    done();
  });

  // Here, because reading the body leaves every context that was set before it.
  app.addHook("preHandler", ({ traceContext: context }, _reply, done) => {
    if (context === undefined || context === null) done();
    else spans.within(context, done);
  });

  app.addHook("onResponse", ({ traceContext: context }, reply, done) => {
    const span = context === undefined || context === null ? undefined : trace.getSpan(context);
    if (span !== undefined) {
      const status = reply.raw.statusCode;
      span.setAttribute("http.response.status_code", status);
      if (status >= 500) setFailed(span, String(status));
      span.end();
    }
    done();
  });
}
