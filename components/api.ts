import type { ServerAnswer } from "./ui/refresh.tsx";

/** A failure that the API reported, or that kept the API from being reached. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

const API_ROOT = `${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}/api`;

/** Path of the API as the browser has to ask for it. The base path is fixed when the pages are built. */
export const API_PATH = `${API_ROOT}/graphql`;

/** After that long a silent server counts as away. */
const READY_MS = 5000;

/** Whether the server could render a page now, and has the build that the open page is of. */
export async function askServer(build: string | null): Promise<ServerAnswer> {
  try {
    const answer = await fetch(`${API_ROOT}/health/ready`, { signal: AbortSignal.timeout(READY_MS) });
    if (!answer.ok) return "away";
    return answer.headers.get("x-isimud-build") === build ? "ready" : "other build";
  } catch {
    return "away";
  }
}

/** Sends one document to the API from the browser. Throws ApiError; after a lost connection the outcome is unknown, and says so. */
export async function callApi<Data>(document: string, variables: Record<string, unknown> = {}): Promise<Data> {
  let answer: {
    data?: Data;
    errors?: { message: string; extensions?: { code?: string } }[];
  };
  try {
    const response = await fetch(API_PATH, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json" },
      body: JSON.stringify({ query: document, variables }),
    });
    answer = await response.json();
  } catch {
    throw new ApiError(
      "UNREACHABLE",
      "The server did not answer. Whether the action was done is unknown: refresh the page and look.",
    );
  }
  const first = answer.errors?.[0];
  if (first) throw new ApiError(first.extensions?.code ?? "INTERNAL", first.message);
  return answer.data as Data;
}
