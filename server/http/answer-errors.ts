/**
 * Errors over HTTP: the status of the error's kind, and the body of a GraphQL error, so that clients read both with one
 * piece of code.
 */
import { DomainError, type ErrorCode, HTTP_STATUS, internalMessage } from "../errors.ts";

export interface ErrorAnswer {
  status: number;
  body: { errors: [{ message: string; extensions: { code: string; status: number; details: object } }] };
}

/** Errors of Fastify itself, before any route runs. */
const FASTIFY_CODES: Record<string, { code: ErrorCode; message: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: "TOO_LARGE", message: "The request's body is too large." },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: "BAD_INPUT", message: "The body is not as long as Content-Length says." },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: "BAD_INPUT", message: "The body is not JSON." },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: "BAD_INPUT", message: "The body is empty." },
};

/** For a compressed body, which is refused: unpacked, it may be larger than any limit on its size. */
export const COMPRESSED: ErrorAnswer = answer(
  "BAD_INPUT",
  415,
  "A compressed body is not accepted. Send it without Content-Encoding.",
  {},
);

/** An unexpected error becomes INTERNAL with the id of the request. The caller logs it when `status` is 500. */
export function answerError(error: unknown, requestId: string): ErrorAnswer {
  if (error instanceof DomainError) return answer(error.code, error.status, error.message, error.details);
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === "string" ? FASTIFY_CODES[code] : undefined;
  if (known) {
    const domainError = new DomainError(known.code, known.message);
    return answer(known.code, domainError.status, known.message, {});
  }
  if (statusCode === 415) {
    return answer("BAD_INPUT", 415, "This content type is not accepted. Use application/json.", {});
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return answer("BAD_INPUT", statusCode, "The server cannot understand this request.", {});
  }
  return answer("INTERNAL", HTTP_STATUS.internal, internalMessage(requestId), { requestId });
}

export function answer(code: ErrorCode | "NOT_FOUND", status: number, message: string, details: object): ErrorAnswer {
  return { status, body: { errors: [{ message, extensions: { code, status, details } }] } };
}
