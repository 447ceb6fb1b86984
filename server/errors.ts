/**
 * The one error that crosses layers. Drivers and operations throw it; each door translates it once.
 *
 * `message` is for people and says what to do; it never holds SQL, stacks, URIs or secrets.
 * `details` is for programs and is shown to clients as it is.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DomainError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code];
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

/** True for a DomainError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is DomainError {
  return error instanceof DomainError && error.code === code;
}

/** Any other error than a DomainError is a defect of ours: "internal". */
export function kindOf(error: unknown): ErrorKind {
  return error instanceof DomainError ? error.kind : "internal";
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
  | "unavailable";

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
};

/** Every code, with its kind. The names follow Zaqar's exceptions. The GraphQL enum ErrorCode has the same values. */
export const ERROR_CODES = {
  BAD_INPUT: "invalid",
  CONFIRMATION_REQUIRED: "invalid",
  UNAUTHENTICATED: "unauthenticated",
  FORBIDDEN: "forbidden",
  MISDIRECTED: "misdirected",
  TOO_LARGE: "too-large",
  TOO_MANY_REQUESTS: "too-many-requests",
  NOT_SUPPORTED: "unsupported",

  QUEUE_DOES_NOT_EXIST: "not-found",
  QUEUE_IS_EMPTY: "not-found",
  /**
   * The pool's row for the queue has another epoch, or was deleted: the caller's location of the queue is out of date.
   * Never leaves the pooling driver.
   */
  QUEUE_EPOCH_STALE: "conflict",
  /** The queue is moving to another pool. For a moment nobody can read or change it. */
  QUEUE_IS_MOVING: "unavailable",
  MESSAGE_DOES_NOT_EXIST: "not-found",
  MESSAGE_IS_CLAIMED: "forbidden",
  MESSAGE_NOT_CLAIMED: "conflict",
  MESSAGE_NOT_CLAIMED_BY: "forbidden",
  CLAIM_DOES_NOT_EXIST: "not-found",
  SUBSCRIPTION_DOES_NOT_EXIST: "not-found",
  SUBSCRIPTION_ALREADY_EXISTS: "conflict",

  POOL_DOES_NOT_EXIST: "not-found",
  POOL_ALREADY_EXISTS: "conflict",
  /** Another pool is registered for this server and namespace. */
  POOL_URI_IN_USE: "conflict",
  /** The pool still holds queues. */
  POOL_IN_USE: "forbidden",
  POOL_IN_USE_BY_FLAVOR: "forbidden",
  POOL_CAPABILITIES_MISMATCH: "invalid",
  POOL_NOT_REACHABLE: "invalid",
  /** No pool fits a new queue: none in its flavor, or all weights are 0. */
  NO_POOL_FOUND: "unavailable",
  FLAVOR_DOES_NOT_EXIST: "not-found",
  FLAVOR_ALREADY_EXISTS: "conflict",
  QUEUE_NOT_MAPPED: "not-found",
  JOB_DOES_NOT_EXIST: "not-found",

  STORE_DOES_NOT_EXIST: "not-found",
  STORE_NOT_CONFIGURED: "conflict",
  STORE_ALREADY_CONFIGURED: "conflict",
  KEY_DOES_NOT_EXIST: "not-found",
  LOCK_TIMEOUT: "conflict",
  /** The lock is for another key, was released, or has expired. */
  LOCK_NOT_VALID: "conflict",

  /** An idempotency key was used before for a different request. */
  IDEMPOTENCY_KEY_REUSED: "conflict",
  STORAGE_UNAVAILABLE: "unavailable",
  DEADLINE_EXCEEDED: "unavailable",
  /** The connection broke after a write was sent: it may have happened. Repeat it with the same idempotencyKey. */
  OUTCOME_UNKNOWN: "unavailable",
  SHUTTING_DOWN: "unavailable",
  INTERNAL: "internal",
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The codes for a storage that failed, as opposed to a request that is wrong. */
export const STORAGE_FAILURES: ReadonlySet<ErrorCode> = new Set([
  "STORAGE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "OUTCOME_UNKNOWN",
]);
