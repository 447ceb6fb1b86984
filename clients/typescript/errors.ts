/** Whether a request that failed may be repeated. WITH_KEY: only with an idempotency key, the same each time. */
export type Retry = "SAFE" | "WITH_KEY" | "NEVER";

/** What the API answered, or `UNREACHABLE` when no answer came. Then the request may have been done. */
export class IsimudError extends Error {
  /** One of the schema's ErrorCode, or UNREACHABLE. */
  readonly code: string;
  readonly retry: Retry;
  /** How long to wait before a repeat; null: as you like. */
  readonly retryAfterSeconds: number | null;
  /** What the error is about: names, limits, ids. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    facts: {
      code: string;
      retry: Retry;
      retryAfterSeconds?: number | null;
      details?: Readonly<Record<string, unknown>>;
      cause?: unknown;
    },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "IsimudError";
    this.code = facts.code;
    this.retry = facts.retry;
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null;
    this.details = facts.details ?? {};
  }
}
