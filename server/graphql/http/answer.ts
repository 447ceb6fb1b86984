/** What an answer over HTTP looks like, whoever ran the operation. */
import type { GraphQLFormattedError } from "graphql";
import { HTTP_STATUS } from "../../errors.ts";
import { stringify } from "../schema/json.ts";

const RETRY_AFTER_SECONDS = 2;

/** Errors come first, so that whoever reads along sees them before a long `data`. */
export function answerText({ data, errors }: { data?: unknown; errors?: unknown }): string {
  return stringify({ errors, data });
}

/**
 * The status, and what goes with it, of an operation's answer. 200 when something ran, but for nothing but errors of
 * which one says that a storage is away: that is 503 with the seconds to wait, so that those who look at the status
 * only see it too.
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

/**
 * Of an operation in which nothing ran: 400, but 200 for a client that asks for application/json, as GraphQL over HTTP
 * wants it there.
 */
function refusedStatus(accept: string | undefined): number {
  const old = accept?.includes("application/json") && !accept.includes("application/graphql-response+json");
  return old ? 200 : HTTP_STATUS.invalid;
}
