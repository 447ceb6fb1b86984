/** What an answer over HTTP looks like, whoever ran the operation. */
import type { GraphQLFormattedError } from "graphql";
import { HTTP_STATUS } from "../errors.ts";
import { unmarkJson } from "./json.ts";

const RETRY_AFTER_SECONDS = 2;

/** Errors come first, so that whoever reads along sees them before a long `data`. */
export function answerText({ data, errors }: { data?: unknown; errors?: unknown }): string {
  return unmarkJson(JSON.stringify({ errors, data }));
}

/**
 * Nothing but errors, and one says that a storage is away: 503 with the seconds to wait, so that those who look at the status only see it too.
 * Otherwise null: as HTTP says without us.
 */
export function unavailable(
  data: object | null | undefined,
  errors: readonly GraphQLFormattedError[],
): { status: number; retryAfter: string } | null {
  if (Object.values(data ?? {}).some((value) => value !== null)) return null;
  if (!errors.some(({ extensions }) => extensions?.status === HTTP_STATUS.unavailable)) return null;
  return { status: HTTP_STATUS.unavailable, retryAfter: String(RETRY_AFTER_SECONDS) };
}

/** Of an operation in which nothing ran: 400, but 200 for a client that asks for application/json, as GraphQL over HTTP wants it there. */
export function refusedStatus(accept: string | undefined): number {
  const old = accept?.includes("application/json") && !accept.includes("application/graphql-response+json");
  return old ? 200 : HTTP_STATUS.invalid;
}
