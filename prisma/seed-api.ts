/** The API as the demo uses it. */
export type Call = <Data>(document: string, variables?: Record<string, unknown>) => Promise<Data>;

/** An error that the API answered. */
export class ApiError extends Error {
  /** The error's code, or the HTTP status of an answer without one. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/**
 * The returned function throws an ApiError with the API's message, or an error with the way out when nothing answers.
 */
export function callsTo(endpoint: string): Call {
  return async <Data>(query: string, variables: Record<string, unknown> = {}) => {
    let response: Response;
    try {
      response = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
      });
    } catch (error) {
      throw new Error(
        `Nothing answers at ${endpoint}. Start Isimud with npm start first, or name its URL: npm run demo -- URL`,
        { cause: error },
      );
    }
    const answer = (await response.json()) as {
      data?: Data;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    const first = answer.errors?.[0];
    if (first || answer.data === undefined) {
      const code = first?.extensions?.code ?? String(response.status);
      throw new ApiError(code, `${first?.message ?? "no data"}\n${query}`);
    }
    return answer.data;
  };
}
