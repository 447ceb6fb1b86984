/** Checks of messages that are to be posted. */
import type { Limits } from "../../config.ts";
import { DomainError, withDetails } from "../../errors.ts";
import type { NewMessage } from "../../storage/data-driver.ts";
import { headersBytes, type MessageHeaders } from "../../storage/messages/message-headers.ts";
import { checkJsonText } from "./json-text.ts";
import { badInput, checkWhole } from "./limits.ts";
import { checkHeaders, type HeaderToPost, withTraceparent } from "./message-headers.ts";
import type { ReservedAttributes } from "./queue-attributes.ts";

export interface MessageToPost {
  /** The body's exact JSON text, of any JSON value. */
  bodyText: string;
  /** Left out: none. */
  headers?: readonly HeaderToPost[] | null;
  /** Left out: the queue's `_default_message_ttl`. */
  ttlSeconds?: number | null;
  /** Left out: the queue's `_default_message_delay`. */
  delaySeconds?: number | null;
}

/** BAD_INPUT when there are none or more than `maximum`. */
export function checkCount(maximum: number, messages: readonly MessageToPost[]): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw badInput("messages", "messages must be a list of at least one message.");
  }
  if (messages.length > maximum) {
    throw badInput("messages", `A post may have at most ${maximum} messages; this one has ${messages.length}.`, {
      value: messages.length,
      maximum,
    });
  }
}

/**
 * Checks the messages and adds the queue's defaults. BAD_INPUT, TOO_LARGE. `traceparent`: for the header of this name,
 * of each message that has none and has room for it.
 */
export function newMessages(
  limits: Limits,
  messages: readonly MessageToPost[],
  queue: ReservedAttributes,
  traceparent: string | null = null,
): NewMessage[] {
  const { MIN_MESSAGE_TTL, MAX_MESSAGE_TTL, MAX_MESSAGE_DELAY, MAX_JSON_DEPTH } = limits;
  const maximum = queue.maxMessagesPostBytes;
  const headers = messages.map((message, index) => headersOf(message, index));
  let bytes = 0;
  // The size first, so that nothing of a request that is too large is parsed.
  for (const [index, message] of messages.entries()) {
    if (typeof message?.bodyText === "string") bytes += Buffer.byteLength(message.bodyText);
    if (headers[index]) bytes += headersBytes(headers[index]);
  }
  if (bytes > maximum) {
    throw new DomainError(
      "TOO_LARGE",
      `The bodies and headers of one post may have ${maximum} bytes together; these have ${bytes}. Post fewer at a time.`,
      { details: { field: "messages", value: bytes, maximum } },
    );
  }
  if (traceparent !== null) addTraceparent(headers, traceparent, maximum - bytes);
  const checked = (message: MessageToPost, index: number): NewMessage => {
    const { ttlSeconds: ttl, delaySeconds: delay } = message;
    return {
      bodyText: checkJsonText(`messages.${index}.body`, message.bodyText, MAX_JSON_DEPTH),
      ttlSeconds:
        ttl === undefined || ttl === null
          ? queue.defaultMessageTtlSeconds
          : checkWhole(`messages.${index}.ttlSeconds`, ttl, MIN_MESSAGE_TTL, MAX_MESSAGE_TTL, "seconds"),
      delaySeconds:
        delay === undefined || delay === null
          ? queue.defaultMessageDelaySeconds
          : checkWhole(`messages.${index}.delaySeconds`, delay, 0, MAX_MESSAGE_DELAY, "seconds"),
      headers: headers[index] ?? null,
    };
  };
  return messages.map((message, index) => {
    try {
      return checked(message, index);
    } catch (error) {
      throw withDetails(error, { index });
    }
  });
}

function headersOf(message: MessageToPost | undefined, index: number): MessageHeaders | null {
  if (!message?.headers) return null;
  try {
    return checkHeaders(`messages.${index}.headers`, message.headers);
  } catch (error) {
    throw withDetails(error, { index });
  }
}

function addTraceparent(headers: (MessageHeaders | null)[], traceparent: string, room: number): void {
  let left = room;
  for (const [index, given] of headers.entries()) {
    const traced = withTraceparent(given, traceparent, left);
    if (traced === null) continue;
    headers[index] = traced.headers;
    left -= traced.grown;
  }
}
