/** Starts OpenTelemetry's libraries. Loaded by a dynamic import only: see open.ts. */
import { setTimeout as sleep } from "node:timers/promises";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Config } from "../config.ts";
import type { FailureLog } from "../failure-log.ts";
import { tracedExecutor } from "./graphql.ts";
import { tracedOperations } from "./messages.ts";
import { PostContexts } from "./post-contexts.ts";
import { traceRequests } from "./requests.ts";
import { Spans } from "./spans.ts";
import type { Tracing, TracingParts } from "./tracing.ts";

/** Spans of one export. They are sent before their time when there are so many. */
const EXPORTED_AT_ONCE = 1024;
/** Part of the time that a shutdown has. */
const FLUSH_MS = 2000;
/** Longer texts are cut: names of queues are shorter, and what a client sends in place of one may be anything. */
const MAX_TEXT = 256;
const WHAT = "The export of traces";

export function startTracing({ config, url, failures, warn }: TracingParts): Tracing {
  tellComplaints(warn);
  const exporter = watched(new OTLPTraceExporter({ url }), failures);
  const named = resourceFromAttributes({ "service.name": "isimud", "process.pid": process.pid });
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(config),
    spanLimits: { attributeValueLengthLimit: MAX_TEXT },
    spanProcessors: [processorOf(config, exporter)],
  });
  const spans = new Spans(provider.getTracer("isimud"));
  return {
    traceRequests: (app) => traceRequests(app, spans, config.BASE_PATH),
    traceExecutor: (executor) => tracedExecutor(executor, spans),
    traceOperations: (operations, { messages }) =>
      tracedOperations(operations, { spans, limits: config, posted: new PostContexts(messages) }),
    async close() {
      // What failed is logged by then.
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, sleep(FLUSH_MS, undefined, { ref: false })]);
    },
  };
}

/** Settings that its libraries do not understand, and spans that were dropped: each once. For the whole process. */
function tellComplaints(warn: TracingParts["warn"]): void {
  const told = new Set<string>();
  const tell = (message: string) => {
    const kind = message.replaceAll(/\d+/g, "");
    if (told.has(kind)) return;
    told.add(kind);
    warn(`OpenTelemetry: ${message}`);
  };
  // Errors are those of exports, which have a log of their own.
  const nothing = () => {};
  const logger = { error: nothing, warn: tell, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** The exporter tries again by itself, for ten seconds. Then the batch is dropped. */
function watched(exporter: SpanExporter, failures: FailureLog): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) failures.succeeded(WHAT);
        else failures.failed(WHAT, result.error);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: Config): Sampler {
  const root = name.endsWith("always_on")
    ? new AlwaysOnSampler()
    : name.endsWith("always_off")
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio);
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

/** Spans beyond the queue's size are dropped, so a collector that is slow or down costs no more memory. */
function processorOf(
  { OTEL_BSP_SCHEDULE_DELAY: scheduledDelayMillis, OTEL_BSP_MAX_QUEUE_SIZE: maxQueueSize }: Config,
  exporter: SpanExporter,
): BatchSpanProcessor {
  const maxExportBatchSize = Math.min(EXPORTED_AT_ONCE, maxQueueSize);
  return new BatchSpanProcessor({ exporter, maxQueueSize, scheduledDelayMillis, maxExportBatchSize });
}
