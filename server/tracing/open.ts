/** OpenTelemetry's libraries are loaded only when there is a collector. Without one nothing is wrapped, and costs time. */
import type { Config } from "../config.ts";
import type { Tracing, TracingParts } from "./tracing.ts";

/** Null: there are no traces. */
export async function openTracing(parts: Omit<TracingParts, "url">): Promise<Tracing | null> {
  const url = collectorUrl(parts.config);
  if (url === null) return null;
  const { startTracing } = await import("./start.ts");
  return startTracing({ ...parts, url });
}

function collectorUrl({
  OTEL_EXPORTER_OTLP_ENDPOINT: base,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ofTraces,
}: Config): string | null {
  if (ofTraces !== undefined) return ofTraces;
  return base === undefined ? null : `${base.replace(/\/+$/, "")}/v1/traces`;
}
