/** The form of an answer over HTTP, on the fast path and through Apollo. */
import type { RateLimit } from "../../access/rate-limits.ts";
import { HTTP_STATUS, retryAfter } from "../../errors.ts";
import { stringify } from "../schema/json.ts";
import type { Cost } from "./document-limits.ts";
import type { MaskedError } from "./mask-errors.ts";

/** What was answered to an operation. */
export interface Answered {
  /** Undefined: nothing ran. */
  data?: Record<string, unknown> | null;
  errors?: MaskedError[];
  /**
   * The cost for a client that asked for it, and when the document costs too much; what is left of limits on requests,
   * where there are any.
   */
  extensions?: { cost?: Cost; rateLimit?: readonly RateLimit[] };
}

/** Errors come first, so that a reader sees them before a long `data`. */
export function answerText({ data, errors, extensions }: Answered): string {
  return stringify({ errors, data, extensions });
}

/**
 * The status of an answer, and the headers that belong to it. It is 200 when something ran. Exception: when `data`
 * holds nothing, because a storage is unavailable and every error may be repeated, it is 503 with Retry-After, for
 * clients that only read the status.
 */
export function headOf(
  { data, errors = [] }: Answered,
  accept: string | undefined,
): { status: number; headers: Record<string, string> } {
  const isEmpty = () => !Object.values(data ?? {}).some((value) => value !== null);
  const { unavailable } = HTTP_STATUS;
  if (errors.some(({ extensions }) => extensions.status === unavailable) && isEmpty()) {
    const headers = retryAfter(errors.map(({ extensions }) => extensions));
    if (headers["retry-after"] !== undefined) return { status: unavailable, headers: { ...headers } };
  }
  return { status: data === undefined ? refusedStatus(accept) : 200, headers: {} };
}

/** When nothing ran: 400, but 200 for a client that accepts application/json, as GraphQL over HTTP demands. */
function refusedStatus(accept: string | undefined): number {
  const old = accept?.includes("application/json") && !accept.includes("application/graphql-response+json");
  return old ? 200 : HTTP_STATUS.invalid;
}
