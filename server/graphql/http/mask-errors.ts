/** The mask between internal errors and what a client sees, for every way into the API. */
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import {
  DomainError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorExtensions,
  type ErrorFacts,
  errorExtensions,
  internalMessage,
  RETRIES,
  type Retry,
} from "../../errors.ts";
import { builder } from "../schema/builder.ts";
import { shortened } from "./shortened.ts";
import { namingVariable } from "./value-errors.ts";

/** Takes unexpected errors; a pino logger fits. */
export interface ErrorLog {
  error(details: object, message: string): void;
}

/** Characters. graphql-js repeats bad input in its messages. */
const MAX_MESSAGE_LENGTH = 1000;
const DEFECT = "An unexpected error was answered as INTERNAL";

/** What a client sees of an error. */
export type MaskedError = GraphQLFormattedError & { extensions: ErrorExtensions };

/** An error's surroundings. `changes`: its operation is a mutation. */
export interface ErrorPlace {
  requestId: string;
  log: ErrorLog;
  changes: boolean;
}

/**
 * What a client sees of an error. `extensions` hold the code, its HTTP status, whether to repeat, and details for
 * programs. INTERNAL, which is also any error that is neither a DomainError nor GraphQL's own, is logged with its
 * cause, and the client sees the id of the request.
 */
export function maskError(error: unknown, place: ErrorPlace): MaskedError {
  const graphqlError = error instanceof GraphQLError ? namingVariable(error) : null;
  const cause = causeOf(graphqlError ?? error);
  const origin = {
    ...(graphqlError?.locations ? { locations: graphqlError.locations } : {}),
    ...(graphqlError?.path ? { path: graphqlError.path } : {}),
  };
  const { requestId, log } = place;
  if (cause instanceof DomainError) {
    if (cause.code === "INTERNAL") {
      log.error({ err: cause, requestId, path: graphqlError?.path }, DEFECT);
      return {
        message: cause.message,
        ...origin,
        extensions: errorExtensions("INTERNAL", { ...cause.details, requestId }),
      };
    }
    // Below a mutation's payload: the mutation itself has succeeded.
    const done = place.changes && (graphqlError?.path?.length ?? 0) > 1;
    return { message: cause.message, ...origin, extensions: errorExtensions(cause.code, cause.details, { done }) };
  }
  if (cause instanceof GraphQLError && cause.extensions.code !== "INTERNAL_SERVER_ERROR") {
    return {
      message: shortened(graphqlError?.message ?? cause.message, MAX_MESSAGE_LENGTH),
      ...origin,
      extensions: errorExtensions("BAD_INPUT", detailsOf(cause), { status: statusOf(cause) }),
    };
  }
  log.error({ err: cause, requestId, path: graphqlError?.path }, DEFECT);
  return { message: internalMessage(requestId), ...origin, extensions: errorExtensions("INTERNAL", { requestId }) };
}

/** The innermost error: graphql-js wraps the error of a resolver or a scalar, perhaps twice. */
function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}

/** Left out: 400. Otherwise the status of an error of HTTP itself (405, 406, 415). */
function statusOf(error: GraphQLError): number | undefined {
  const http = error.extensions.http as { status?: unknown } | undefined;
  return typeof http?.status === "number" ? http.status : undefined;
}

/** What a check of ours says about the request. Errors of GraphQL itself have none. */
function detailsOf(error: GraphQLError): Record<string, unknown> {
  const { details } = error.extensions;
  return typeof details === "object" && details !== null ? { ...details } : {};
}

const CODE_DESCRIPTIONS: Record<ErrorCode, string> = {
  BAD_INPUT: "The request makes no sense or breaks a limit. The message says which.",
  CONFIRMATION_REQUIRED:
    "Something would be lost, or has changed since the dry run. The message says how to confirm it.",
  UNAUTHENTICATED: "Nobody is signed in.",
  FORBIDDEN: "This caller may not do that, or may not use that project.",
  MISDIRECTED: "The request names a host that this service does not serve.",
  TOO_LARGE: "A body, a post, a queue's metadata or the answer is larger than allowed.",
  TOO_MANY_REQUESTS: "This process serves no more at once, or a queue keeps no more answers of pops.",
  RATE_LIMITED: "This token, account or address sent more requests than it may. `details.limit` says which.",
  NOT_SUPPORTED: "This storage, or this version, cannot do that.",
  NOT_FOUND: "There is nothing at this URL.",
  DOCUMENT_NOT_FOUND: "No document that is built in or registered has this `documentId`.",
  DOCUMENT_NOT_TRUSTED: "Only documents that are built in or registered run here.",
  SERVER_IS_READ_ONLY:
    "An admin has made the whole service read-only, so it changes nothing. `details` say who, since when and why.",
  QUEUE_DOES_NOT_EXIST: "The project has no such queue. Reads return null instead.",
  QUEUE_IS_EMPTY: "The queue has no message.",
  QUEUE_EPOCH_STALE: "The queue moved while the request ran.",
  QUEUE_IS_PAUSED:
    "The queue is paused, so a pop with an idempotency key is refused: an empty answer would hide what an earlier call with that key took.",
  QUEUE_IS_MOVING: "The queue is moving to another pool, which takes a moment.",
  MESSAGE_DOES_NOT_EXIST: "The message was deleted, has expired, or never existed.",
  MESSAGE_IS_CLAIMED: "The message is claimed: only its claim may delete it.",
  MESSAGE_NOT_CLAIMED:
    "A claim was named, but the message is not claimed now. deleteMessages says MESSAGE_NOT_CLAIMED_BY.",
  MESSAGE_NOT_CLAIMED_BY:
    "No claim that was named holds the message: another does or, for deleteMessages, perhaps none.",
  CLAIM_DOES_NOT_EXIST:
    "The claim was released, has expired, or never existed. deleteMessages says MESSAGE_NOT_CLAIMED_BY.",
  SUBSCRIPTION_DOES_NOT_EXIST: "The subscription was deleted, has expired, or never existed.",
  SUBSCRIPTION_ALREADY_EXISTS: "This subscriber is subscribed to the queue already.",
  POOL_DOES_NOT_EXIST: "There is no pool of that name.",
  POOL_ALREADY_EXISTS: "There is a pool of that name.",
  POOL_URI_IN_USE: "Another pool is registered for this server and namespace.",
  POOL_IN_USE: "The pool still holds queues.",
  POOL_IN_USE_BY_FLAVOR: "It is the last pool of a flavor.",
  POOL_CAPABILITIES_MISMATCH: "The pool lacks what the first pool of its flavor can do.",
  POOL_NOT_REACHABLE:
    "No pool can be used at the URI that this call gives: its server does not answer, or refuses the user. For a pool that is registered, the same is STORAGE_UNAVAILABLE.",
  NO_POOL_FOUND: "No pool takes the new queue: its flavor has none, or all weights are 0.",
  FLAVOR_DOES_NOT_EXIST: "There is no flavor of that name in the project.",
  FLAVOR_ALREADY_EXISTS: "There is a flavor of that name in the project.",
  QUEUE_NOT_MAPPED:
    "The catalogue has no entry for the queue, so no pool holds it. createQueue or insertCatalogueEntry maps it.",
  JOB_DOES_NOT_EXIST: "There is no such job, or you may not see it.",
  DRY_RUN_DOES_NOT_EXIST: "There is no such dry run, or its ten minutes are over.",
  PROBLEM_DOES_NOT_EXIST: "The problem has ended, or you may not see it.",
  PERSON_DOES_NOT_EXIST: "There is no such person, or you may not see it.",
  PERSON_ALREADY_EXISTS: "There is a person with that e-mail address.",
  LAST_ADMIN: "Nobody would be left who is admin of all projects.",
  PASSWORD_TOO_WEAK: "The password is too short, too long or too easy to guess. The message says what would help.",
  LINK_NOT_VALID: "The one-time link was used, a newer one was made, or its time is over.",
  IDENTITY_PROVIDER_UNAVAILABLE: "The identity provider does not answer. People with a password sign in all the same.",
  STORE_DOES_NOT_EXIST:
    "There is no key-value store of that name, or it is internal: nobody may use its values and locks.",
  STORE_NOT_CONFIGURED: "The key-value store has no backend yet.",
  STORE_ALREADY_CONFIGURED: "The key-value store has its backend already.",
  TOKEN_DOES_NOT_EXIST: "There is no token of that name, or you may not see it.",
  TOKEN_ALREADY_EXISTS: "There is a token of that name, or one was revoked or expired not long ago.",
  KEY_DOES_NOT_EXIST: "The store has no such key. `details` names it.",
  LOCK_TIMEOUT: "Another client held the lock for longer than the store waits.",
  LOCK_NOT_VALID: "The lock is for another key, was released, or has expired.",
  UNDO_DOES_NOT_EXIST: "There is no such undo, it is long over, or you may not see it.",
  UNDO_IS_OVER: "It was used, its time is up, or the queue has changed too much since. `details.because` says which.",
  IDEMPOTENCY_KEY_REUSED: "The idempotency key was used before for something else.",
  STORAGE_UNAVAILABLE: "A registered pool or the control database is unreachable now, or takes no writes.",
  DEADLINE_EXCEEDED:
    "A storage did not answer in time, the time of the operation was up before this field began or was read, or a password could not be checked in time.",
  OUTCOME_UNKNOWN:
    "The connection broke after a write was sent, or its answer did not come in time: it may have happened.",
  SHUTTING_DOWN: "This process is stopping. Another one, or its successor, will answer.",
  INTERNAL: "A defect of the service. `details.requestId` finds it in the log.",
};

/** A code's description, and what to do after an error with it. */
function describe(code: ErrorCode): string {
  const facts: ErrorFacts = ERROR_CODES[code];
  const after = facts.retry === "NEVER" ? "" : `, after ${facts.retryAfterSeconds} s`;
  return `${CODE_DESCRIPTIONS[code]} Retry: ${facts.retry}${after}.`;
}

/** The type of every field that holds a code. */
export const ErrorCodeType = builder.enumType("ErrorCode", {
  description:
    "Every `extensions.code` that an error can have. `extensions.status` is the HTTP status of its kind, `extensions.retry` one of Retry, and `extensions.details` an object for programs.",
  values: Object.fromEntries(
    (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => [code, { description: describe(code) }]),
  ) as Record<ErrorCode, { description: string }>,
});

const RETRY_DESCRIPTIONS: Record<Retry, string> = {
  SAFE: "Repeat the same request, after `extensions.retryAfterSeconds`. Nothing was changed.",
  WITH_KEY:
    "It may have happened, or a part of it has (`details.partial`), or it has and its answer could not be read. Repeat it only with the idempotency key that it had, after `extensions.retryAfterSeconds`.",
  NEVER:
    "The same request fails again, until it or what it is about has changed. `extensions.retryAfterSeconds` is null.",
};

export const RetryType = builder.enumType("Retry", {
  description:
    "Every `extensions.retry` that an error can have: whether to repeat the field at the error's `path`. Fields that have an answer need no repeat.",
  values: Object.fromEntries(RETRIES.map((retry) => [retry, { description: RETRY_DESCRIPTIONS[retry] }])) as Record<
    Retry,
    { description: string }
  >,
});
