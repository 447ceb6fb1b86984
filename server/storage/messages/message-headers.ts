/** The headers of messages: names and values that travel beside the body, and are not part of it. */

/** By name, in the order of the names. */
export type MessageHeaders = Readonly<Record<string, string>>;

/** The context of the trace in which a message was posted, as W3C's Trace Context writes it. */
export const TRACEPARENT = "traceparent";
/** What tells in which trace a message was posted. A repeated post has others, and is the same post. */
const OF_TRACES: ReadonlySet<string> = new Set([TRACEPARENT, "tracestate"]);

export function withoutTrace(headers: MessageHeaders | null | undefined): MessageHeaders | null {
  if (headers === null || headers === undefined) return null;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_TRACES.has(name)));
}

/** As stores keep them: JSON. Null for none, and for an empty object. */
export function headersText(headers: MessageHeaders | null | undefined): string | null {
  if (headers === null || headers === undefined) return null;
  const text = JSON.stringify(headers);
  return text === "{}" ? null : text;
}

export const readHeaders = (text: string | null): MessageHeaders | null =>
  text === null ? null : (JSON.parse(text) as MessageHeaders);

/** The bytes of a message that every limit in bytes counts: those of its body, and of its headers as JSON. */
export function messageBytes({ bodyText, headers }: { bodyText: string; headers?: MessageHeaders | null }): number {
  const bytes = Buffer.byteLength(bodyText);
  return headers === null || headers === undefined ? bytes : bytes + headersBytes(headers);
}

export const headersBytes = (headers: MessageHeaders | null | undefined) =>
  Buffer.byteLength(headersText(headers) ?? "");
