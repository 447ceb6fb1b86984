import { type Document, textOf } from "./graphql.ts";
import type { ServerAnswer } from "./ui/refresh.tsx";

/** What the API reported, or that it could not be reached. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** Where the API begins, for the browser. */
export const API_ROOT = `${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}/api`;

/** Path of the API for the browser. The base path is fixed when the pages are built. */
export const API_PATH = `${API_ROOT}/graphql`;

/** Milliseconds after which a silent server counts as away. */
const READY_MS = 5000;

/** Whether the server can render a page now, and whether the open page is of its build. */
export async function askServer(build: string | null): Promise<ServerAnswer> {
  try {
    const answer = await fetch(`${API_ROOT}/health/ready`, { signal: AbortSignal.timeout(READY_MS) });
    if (!answer.ok) return "away";
    return answer.headers.get("x-isimud-build") === build ? "ready" : "other build";
  } catch {
    return "away";
  }
}

/**
 * Sends a query from the browser. Throws an ApiError: the first error of the answer, or UNREACHABLE when no answer
 * came. Then the outcome is unknown, and the message says so.
 */
export async function callApi<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  // Loaded with the first call, so that pages load fast.
  const answer = await import("./send.ts")
    .then(({ send }) => send<Data>(API_PATH, textOf(document), variables))
    .catch(() => null);
  if (answer === null) {
    throw new ApiError(
      "UNREACHABLE",
      "The server did not answer. The action may or may not be done: refresh the page to see.",
    );
  }
  const first = answer.errors?.[0];
  if (first) throw new ApiError(first.extensions?.code ?? "INTERNAL", first.message);
  return answer.data as Data;
}

/** What is null only when it failed: then `callFields` throws. */
export type Done<Data> = { [Field in keyof Data]: NonNullable<Data[Field]> };

/** As `callApi`, for a mutation, or for queries that always find something. */
export async function callFields<Data, Variables extends object>(
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<Done<Data>> {
  return (await callApi(document, variables)) as Done<Data>;
}
