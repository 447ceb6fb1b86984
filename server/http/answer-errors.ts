/**
 * Errors over HTTP: the status of the error's kind, and the body of a GraphQL error, so that clients read both with one
 * piece of code.
 */
import { spentLimitHeaders } from "../access/rate-limits.ts";
import {
  DomainError,
  type ErrorCode,
  type ErrorExtensions,
  errorExtensions,
  internalMessage,
  retryAfter,
} from "../errors.ts";

export interface ErrorAnswer {
  status: number;
  /**
   * `retry-after`, for an error that may be repeated; `www-authenticate`, for one that asks who the client is;
   * `ratelimit`, for one that names a limit.
   */
  headers: Readonly<Record<string, string>>;
  body: { errors: [{ message: string; extensions: ErrorExtensions }] };
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
  "A compressed body is not accepted. Send it without Content-Encoding.",
  { status: 415 },
);

/**
 * An unexpected error becomes INTERNAL. Each INTERNAL has the id of the request in its details. The caller logs it when
 * `status` is 500.
 */
export function answerError(error: unknown, requestId: string): ErrorAnswer {
  if (error instanceof DomainError) {
    const ids = error.code === "INTERNAL" ? { requestId } : {};
    return answer(error.code, error.message, { details: { ...error.details, ...ids } });
  }
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === "string" ? FASTIFY_CODES[code] : undefined;
  if (known) return answer(known.code, known.message);
  if (statusCode === 415) {
    return answer("BAD_INPUT", "This content type is not accepted. Use application/json.", { status: 415 });
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return answer("BAD_INPUT", "The server cannot understand this request.", { status: statusCode });
  }
  return answer("INTERNAL", internalMessage(requestId), { details: { requestId } });
}

/** `status`: left out, that of the code's kind. */
export function answer(
  code: ErrorCode,
  message: string,
  { status, details = {} }: { status?: number; details?: Readonly<Record<string, unknown>> } = {},
): ErrorAnswer {
  const extensions = errorExtensions(code, details, { status });
  const headers: Record<string, string> = retryAfter([extensions]);
  if (code === "UNAUTHENTICATED") headers["www-authenticate"] = "Bearer";
  if (code === "RATE_LIMITED") Object.assign(headers, spentLimitHeaders(details));
  return { status: extensions.status, headers, body: { errors: [{ message, extensions }] } };
}
