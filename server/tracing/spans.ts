import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, type Span, type SpanOptions, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";

/**
 * Starts spans, and knows to which of them the present call belongs.
 *
 * Hazard: OpenTelemetry's global context and tracer stay empty. Next would find them and write spans of its own, which
 * have the query strings of pages.
 */
export class Spans {
  readonly #tracer: Tracer;
  readonly #contexts = new AsyncLocalStorage<Context>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  start(name: string, options: SpanOptions, parent: Context): Span {
    return this.#tracer.startSpan(name, options, parent);
  }

  /** Runs `work`, with all that it calls, in this context. */
  within<T>(context: Context, work: () => T): T {
    return this.#contexts.run(context, work);
  }

  /** That of the request, if it is sampled. Undefined: what runs now gets no span. */
  get recording(): Context | undefined {
    const context = this.#contexts.getStore();
    return context !== undefined && trace.getSpan(context)?.isRecording() === true ? context : undefined;
  }
}

/** `type` is a code, a class of errors. Never the error's text, which may repeat what a client sent. */
export function setFailed(span: Span, type: string): void {
  span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR });
}
