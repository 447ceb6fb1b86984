/** A failure that the API reported, or that kept the API from being reached. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** Path of the API as the browser has to ask for it. The base path is fixed when the pages are built. */
export const API_PATH = `${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}/api/graphql`;

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
