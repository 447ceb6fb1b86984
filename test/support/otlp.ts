/** A collector for traces: it takes what a service sends as OTLP over HTTP, in Protobuf, on a free port. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string; attributes: Record<string, unknown> }[];
  /** 0 unset, 1 ok, 2 error. */
  status: { code: number; message: string };
  /** Of the service that sent it. */
  resource: Record<string, unknown>;
}

export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  /** All that came so far. */
  readonly spans: CollectedSpan[];
  /** The path and the headers of each request. */
  readonly requests: { path: string | undefined; headers: IncomingHttpHeaders }[];
  /** All bytes that came, as text: what is not in it was not sent. */
  text(): string;
  /** Waits until so many spans have this name, and returns them. */
  named(name: string, count?: number): Promise<CollectedSpan[]>;
  /** From now on it answers with this status. */
  answerWith(status: number): void;
  close(): Promise<void>;
}

/** `status`: what it answers. */
export async function startCollector({ port = 0, status = 200 } = {}): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const requests: Collector["requests"] = [];
  const bodies: Buffer[] = [];
  let answer = status;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      bodies.push(body);
      requests.push({ path: request.url, headers: request.headers });
      if (answer === 200) spans.push(...readTraces(body));
      response.writeHead(answer, { "content-type": "application/x-protobuf" }).end();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    text: () => Buffer.concat(bodies).toString("latin1"),
    async named(name, count = 1) {
      const found = () => spans.filter((span) => span.name === name);
      await vi.waitUntil(() => found().length >= count, { timeout: 10_000, interval: 20 });
      return found();
    },
    answerWith(next) {
      answer = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The fields of a message of Protobuf, by number: bytes, or a number for the fixed and variable ones. */
type Fields = Map<number, (Buffer | bigint)[]>;

function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7n;
    const value = wire === 0n ? varint() : take(wire === 1n ? 8 : wire === 5n ? 4 : Number(varint()));
    const number = Number(tag >> 3n);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Fields, number: number) =>
  (fields.get(number) ?? []).map((bytes) => fieldsOf(bytes as Buffer));
const text = (fields: Fields, number: number) => String(fields.get(number)?.[0] ?? "");
const hex = (fields: Fields, number: number) =>
  ((fields.get(number)?.[0] ?? Buffer.alloc(0)) as Buffer).toString("hex");

function attributesOf(fields: Fields, number: number): Record<string, unknown> {
  const entries = messages(fields, number).map((pair) => {
    const [value] = messages(pair, 2);
    const whole = value?.get(3)?.[0];
    return [text(pair, 1), whole === undefined ? text(value as Fields, 1) : Number(whole)];
  });
  return Object.fromEntries(entries);
}

/** An ExportTraceServiceRequest. The numbers are those of opentelemetry/proto/trace/v1/trace.proto. */
function readTraces(body: Buffer): CollectedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((ofResource) => {
    const resource = attributesOf(messages(ofResource, 1)[0] ?? new Map(), 1);
    const spans = messages(ofResource, 2).flatMap((ofScope) => messages(ofScope, 2));
    return spans.map((span) => {
      const [status = new Map()] = messages(span, 15);
      return {
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0),
        attributes: attributesOf(span, 9),
        links: messages(span, 13).map((link) => ({
          traceId: hex(link, 1),
          spanId: hex(link, 2),
          attributes: attributesOf(link, 4),
        })),
        status: { code: Number(status.get(3)?.[0] ?? 0), message: text(status, 2) },
        resource,
      };
    });
  });
}
