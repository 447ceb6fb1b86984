/** The form of an answer over HTTP, on the fast path and through Apollo. */
import type { GraphQLFormattedError } from "graphql";
import { HTTP_STATUS } from "../../errors.ts";
import { stringify } from "../schema/json.ts";

const RETRY_AFTER_SECONDS = 2;

/** Errors come first, so that a reader sees them before a long `data`. */
export function answerText({ data, errors }: { data?: unknown; errors?: unknown }): string {
  return stringify({ errors, data });
}

/**
 * The status of an answer, and the headers that belong to it. It is 200 when something ran. Exception: when `data`
 * holds nothing and an error says that a storage is unavailable, it is 503 with Retry-After, for clients that only read
 * the status.
 */
export function headOf(
  { data, errors = [] }: { data?: object | null; errors?: readonly GraphQLFormattedError[] },
  accept: string | undefined,
): { status: number; headers: Record<string, string> } {
  const isEmpty = !Object.values(data ?? {}).some((value) => value !== null);
  if (isEmpty && errors.some(({ extensions }) => extensions?.status === HTTP_STATUS.unavailable)) {
    return { status: HTTP_STATUS.unavailable, headers: { "retry-after": String(RETRY_AFTER_SECONDS) } };
  }
  return { status: data === undefined ? refusedStatus(accept) : 200, headers: {} };
}

/** When nothing ran: 400, but 200 for a client that accepts application/json, as GraphQL over HTTP demands. */
function refusedStatus(accept: string | undefined): number {
  const old = accept?.includes("application/json") && !accept.includes("application/graphql-response+json");
  return old ? 200 : HTTP_STATUS.invalid;
}
