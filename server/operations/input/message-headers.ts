/** Checks of the headers of messages. */
import { DomainError } from "../../errors.ts";
import { headersBytes, type MessageHeaders, TRACEPARENT } from "../../storage/messages/message-headers.ts";
import { badInput, checkText } from "./limits.ts";

/** Headers of one message. */
export const MAX_HEADERS = 64;
/** Size of a header's name. */
export const MAX_HEADER_NAME_BYTES = 128;
/** Size of all headers of one message, as a JSON object. */
export const MAX_HEADERS_BYTES = 16 * 1024;

export interface HeaderToPost {
  name: string;
  value: string;
}

/**
 * The headers in the order of their names, which makes equal headers equal texts. Null when there are none. BAD_INPUT,
 * also for a name that comes twice; TOO_LARGE.
 */
export function checkHeaders(
  field: string,
  headers: readonly HeaderToPost[] | null | undefined,
): MessageHeaders | null {
  if (headers === null || headers === undefined || headers.length === 0) return null;
  if (headers.length > MAX_HEADERS) {
    throw badInput(field, `A message may have at most ${MAX_HEADERS} headers; this one has ${headers.length}.`, {
      value: headers.length,
      maximum: MAX_HEADERS,
    });
  }
  const values = new Map<string, string>();
  for (const [index, { name, value }] of headers.entries()) {
    const nameField = `${field}.${index}.name`;
    const bytes = Buffer.byteLength(checkText(nameField, name));
    if (bytes < 1 || bytes > MAX_HEADER_NAME_BYTES) {
      throw badInput(nameField, `A header's name must have 1 to ${MAX_HEADER_NAME_BYTES} bytes; it has ${bytes}.`, {
        value: bytes,
        minimum: 1,
        maximum: MAX_HEADER_NAME_BYTES,
      });
    }
    if (values.has(name)) throw badInput(nameField, `The header ${name} comes twice.`);
    values.set(name, checkText(`${field}.${index}.value`, value));
  }
  const sorted = inOrder([...values]);
  const bytes = headersBytes(sorted);
  if (bytes > MAX_HEADERS_BYTES) {
    throw new DomainError(
      "TOO_LARGE",
      `The headers of a message may have ${MAX_HEADERS_BYTES} bytes together, as JSON; these have ${bytes}.`,
      { details: { field, value: bytes, maximum: MAX_HEADERS_BYTES } },
    );
  }
  return sorted;
}

const inOrder = (entries: [name: string, value: string][]): MessageHeaders =>
  Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));

/**
 * The headers with the context of a trace. Null when they have one already, or when there is no room for it: nothing of
 * a client is refused because of what it did not send. `room`: bytes by which they may grow.
 */
export function withTraceparent(
  headers: MessageHeaders | null,
  traceparent: string,
  room: number,
): { headers: MessageHeaders; grown: number } | null {
  if (headers !== null && TRACEPARENT in headers) return null;
  const traced = inOrder([...Object.entries(headers ?? {}), [TRACEPARENT, traceparent]]);
  const bytes = headersBytes(traced);
  const grown = bytes - headersBytes(headers);
  const fits = Object.keys(traced).length <= MAX_HEADERS && bytes <= MAX_HEADERS_BYTES && grown <= room;
  return fits ? { headers: traced, grown } : null;
}
