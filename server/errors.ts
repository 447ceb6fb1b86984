/**
 * The one error that crosses layers. Drivers and operations throw it; each door translates it once.
 *
 * `message` is for people and says what to do; it never holds SQL, stacks, URIs or secrets.
 * `details` is for programs and is shown to clients as it is.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  /** The audit log has it as a refusal. */
  isNoted = false;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DomainError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }

  /** The HTTP status of this error's kind, the same at every door. */
  get status(): number {
    return HTTP_STATUS[this.kind];
  }
}

/** What a client is told of an unexpected error. */
export function internalMessage(requestId: string): string {
  return `Something went wrong inside. The request's id is ${requestId}: with it an operator finds the cause in the log.`;
}

/** Errors by which a caller learns that it may not do this, or that nobody may now. The audit log has them. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["FORBIDDEN", "SERVER_IS_READ_ONLY", "LAST_ADMIN"]);

export const isRefusal = (error: unknown): error is DomainError =>
  error instanceof DomainError && REFUSALS.has(error.code);

/** True for a DomainError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is DomainError {
  return error instanceof DomainError && error.code === code;
}

/**
 * The error with more in its details; what they say already stays. A new error, because many calls may share one
 * failure. Anything but a DomainError is returned as it is.
 */
export function withDetails<T>(error: T, more: Readonly<Record<string, unknown>>): T {
  if (!(error instanceof DomainError) || Object.keys(more).every((name) => name in error.details)) return error;
  const { code, message, cause, isNoted } = error;
  const detailed = new DomainError(code, message, { details: { ...more, ...error.details }, cause });
  return Object.assign(detailed, { isNoted }) as T;
}

/** Any other error than a DomainError is a defect of ours: "internal". */
export function kindOf(error: unknown): ErrorKind {
  return error instanceof DomainError ? error.kind : "internal";
}

/** True for a storage that failed or is busy, as opposed to a request that is wrong: an operation may go on without. */
export function isUnavailable(error: unknown): error is DomainError {
  return error instanceof DomainError && (error.kind === "unavailable" || error.kind === "unknown-outcome");
}

export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "too-large"
  | "misdirected"
  | "unsupported"
  | "too-many-requests"
  | "internal"
  | "unavailable"
  | "unknown-outcome";

export const HTTP_STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  misdirected: 421,
  unsupported: 422,
  "too-many-requests": 429,
  internal: 500,
  unavailable: 503,
  // Not 503, which clients and proxies repeat by themselves.
  "unknown-outcome": 504,
};

/**
 * What a program may do after an error.
 *
 * - SAFE: repeat the same request. Nothing was changed.
 * - WITH_KEY: it may have happened, or a part of it has. Repeat it only with the `idempotencyKey` that it had.
 * - NEVER: the same request fails again, until somebody changes the request or what it is about.
 */
export const RETRIES = ["SAFE", "WITH_KEY", "NEVER"] as const;
export type Retry = (typeof RETRIES)[number];

/** `retryAfterSeconds`: how long to wait at least. HTTP says it too, as Retry-After. */
export type ErrorFacts =
  | { kind: "unavailable" | "too-many-requests"; retry: "SAFE"; retryAfterSeconds: number }
  | { kind: "unknown-outcome"; retry: "WITH_KEY"; retryAfterSeconds: number }
  | { kind: "conflict"; retry: "SAFE"; retryAfterSeconds: number }
  | { kind: Exclude<ErrorKind, "unavailable" | "too-many-requests" | "unknown-outcome">; retry: "NEVER" };

const never = <Kind extends Extract<ErrorFacts, { retry: "NEVER" }>["kind"]>(kind: Kind) =>
  ({ kind, retry: "NEVER" }) as const;
const unavailable = (retryAfterSeconds: number) => ({ kind: "unavailable", retry: "SAFE", retryAfterSeconds }) as const;
const passingConflict = (retryAfterSeconds: number) =>
  ({ kind: "conflict", retry: "SAFE", retryAfterSeconds }) as const;

/**
 * Every code, with its kind and what to do. The names follow Zaqar's exceptions. The GraphQL enum ErrorCode has the
 * same values.
 */
export const ERROR_CODES = {
  BAD_INPUT: never("invalid"),
  CONFIRMATION_REQUIRED: never("invalid"),
  UNAUTHENTICATED: never("unauthenticated"),
  FORBIDDEN: never("forbidden"),
  MISDIRECTED: never("misdirected"),
  TOO_LARGE: never("too-large"),
  TOO_MANY_REQUESTS: { kind: "too-many-requests", retry: "SAFE", retryAfterSeconds: 2 },
  /** The caller sent more than a limit allows. */
  RATE_LIMITED: { kind: "too-many-requests", retry: "SAFE", retryAfterSeconds: 1 },
  NOT_SUPPORTED: never("unsupported"),
  /** Nothing is at the URL. Things that the API names have codes of their own. */
  NOT_FOUND: never("not-found"),

  /** No document has the id that was sent. */
  DOCUMENT_NOT_FOUND: never("not-found"),
  /** TRUSTED_DOCUMENTS is on, and the document is neither built in nor registered. */
  DOCUMENT_NOT_TRUSTED: never("forbidden"),

  /** An admin has switched changes off for a while. */
  SERVER_IS_READ_ONLY: unavailable(30),

  QUEUE_DOES_NOT_EXIST: never("not-found"),
  QUEUE_IS_EMPTY: never("not-found"),
  /**
   * The pool's row for the queue has another epoch, or was deleted: the caller's location of the queue is out of date.
   * Never leaves the pooling driver.
   */
  QUEUE_EPOCH_STALE: passingConflict(1),
  /** The queue is moving to another pool. For a moment nobody can read or change it. */
  QUEUE_IS_MOVING: unavailable(1),
  QUEUE_IS_PAUSED: unavailable(10),
  MESSAGE_DOES_NOT_EXIST: never("not-found"),
  MESSAGE_IS_CLAIMED: never("forbidden"),
  MESSAGE_NOT_CLAIMED: never("conflict"),
  MESSAGE_NOT_CLAIMED_BY: never("forbidden"),
  CLAIM_DOES_NOT_EXIST: never("not-found"),
  SUBSCRIPTION_DOES_NOT_EXIST: never("not-found"),
  SUBSCRIPTION_ALREADY_EXISTS: never("conflict"),

  POOL_DOES_NOT_EXIST: never("not-found"),
  POOL_ALREADY_EXISTS: never("conflict"),
  /** Another pool is registered for this server and namespace. */
  POOL_URI_IN_USE: never("conflict"),
  /** The pool still holds queues. */
  POOL_IN_USE: never("forbidden"),
  POOL_IN_USE_BY_FLAVOR: never("forbidden"),
  POOL_CAPABILITIES_MISMATCH: never("invalid"),
  POOL_NOT_REACHABLE: never("invalid"),
  /** No pool fits a new queue: none in its flavor, or all weights are 0. */
  NO_POOL_FOUND: never("conflict"),
  FLAVOR_DOES_NOT_EXIST: never("not-found"),
  FLAVOR_ALREADY_EXISTS: never("conflict"),
  QUEUE_NOT_MAPPED: never("not-found"),
  JOB_DOES_NOT_EXIST: never("not-found"),
  PROBLEM_DOES_NOT_EXIST: never("not-found"),
  /** It is unknown, or its ten minutes are over. */
  DRY_RUN_DOES_NOT_EXIST: never("not-found"),

  PERSON_DOES_NOT_EXIST: never("not-found"),
  PERSON_ALREADY_EXISTS: never("conflict"),
  /** Somebody must remain who is admin of all projects. */
  LAST_ADMIN: never("conflict"),
  PASSWORD_TOO_WEAK: never("invalid"),
  IDENTITY_PROVIDER_UNAVAILABLE: unavailable(10),
  /** A one-time link that was used, replaced by a newer one, or is over. */
  LINK_NOT_VALID: never("not-found"),

  STORE_DOES_NOT_EXIST: never("not-found"),
  STORE_NOT_CONFIGURED: never("conflict"),
  STORE_ALREADY_CONFIGURED: never("conflict"),
  TOKEN_DOES_NOT_EXIST: never("not-found"),
  /** A revoked token keeps its name for a while. */
  TOKEN_ALREADY_EXISTS: never("conflict"),

  KEY_DOES_NOT_EXIST: never("not-found"),
  LOCK_TIMEOUT: passingConflict(1),
  /** The lock is for another key, was released, or has expired. */
  LOCK_NOT_VALID: never("conflict"),

  UNDO_DOES_NOT_EXIST: never("not-found"),
  /** What was removed can no longer be brought back. */
  UNDO_IS_OVER: never("conflict"),

  /** An idempotency key was used before for a different request. */
  IDEMPOTENCY_KEY_REUSED: never("conflict"),
  STORAGE_UNAVAILABLE: unavailable(2),
  DEADLINE_EXCEEDED: unavailable(2),
  /** The connection broke after a write was sent: it may have happened. Repeat it with the same idempotencyKey. */
  OUTCOME_UNKNOWN: { kind: "unknown-outcome", retry: "WITH_KEY", retryAfterSeconds: 2 },
  SHUTTING_DOWN: unavailable(1),
  INTERNAL: never("internal"),
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The codes for a storage that failed, as opposed to a request that is wrong. */
export const STORAGE_FAILURES: ReadonlySet<ErrorCode> = new Set([
  "STORAGE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "OUTCOME_UNKNOWN",
]);

/** What a client sees of an error beside its message, at every door. */
export type ErrorExtensions = {
  code: ErrorCode;
  /** The HTTP status of its kind. */
  status: number;
  retry: Retry;
  /** Null when `retry` is NEVER. */
  retryAfterSeconds: number | null;
  details: Readonly<Record<string, unknown>>;
};

/**
 * `details.retryAfterSeconds`: how long to wait, if that is known. `status`: left out, that of the code's kind. SAFE becomes WITH_KEY when something was changed:
 *
 * - `done`: the change that was asked for is made, and only a part of its answer could not be read;
 * - `details.partial` is true: a part of the change is made.
 */
export function errorExtensions(
  code: ErrorCode,
  details: ErrorExtensions["details"],
  given: { status?: number; done?: boolean } = {},
): ErrorExtensions {
  const facts: ErrorFacts = ERROR_CODES[code];
  const changed = given.done === true || details.partial === true;
  const retry = facts.retry === "SAFE" && changed ? "WITH_KEY" : facts.retry;
  return {
    code,
    status: given.status ?? HTTP_STATUS[facts.kind],
    retry,
    retryAfterSeconds: facts.retry === "NEVER" ? null : Number(details.retryAfterSeconds ?? facts.retryAfterSeconds),
    details,
  };
}

/** The header Retry-After for errors that may all be repeated: the longest of their times. Otherwise no header. */
export function retryAfter(errors: readonly ErrorExtensions[]): { "retry-after"?: string } {
  if (errors.length === 0 || !errors.every(({ retry }) => retry === "SAFE")) return {};
  return { "retry-after": String(Math.max(...errors.map(({ retryAfterSeconds }) => retryAfterSeconds ?? 0))) };
}
