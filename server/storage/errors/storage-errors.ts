/** What drivers report to callers, in the same words from every engine. Texts that say "Try again" stand here. */
import { DomainError } from "../../errors.ts";
import type { QueueRef } from "../queue-ref.ts";
import { tlsErrorMessage } from "./tls-errors.ts";

/** Nothing was sent, or nothing that could have changed something. `message` is what is known beside that. */
export function unreachable(cause: unknown, message?: string): DomainError {
  const text = message ?? tlsErrorMessage(cause) ?? "The storage cannot be reached. Try again in a few seconds.";
  return new DomainError("STORAGE_UNAVAILABLE", text, { cause });
}

/** The server answers, but to too many others. */
export function noConnectionToSpare(cause: unknown): DomainError {
  return unreachable(cause, "The storage has no connection to spare. Try again in a few seconds.");
}

/** The storage answers neither this call nor any other. Nothing was sent. */
export function silent(): DomainError {
  return unreachable(undefined, "The storage does not answer: this was not sent. Try again.");
}

/** Nothing was sent, and the storage answers others. */
export function tooBusy(): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", "The storage is too busy: this was not sent. Try again.");
}

/** Nothing was changed. */
export function tookTooLong(cause?: unknown): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", "The storage took too long. Try again.", { cause });
}

/** A write that was sent before the connection broke. */
export function brokeAfterSending(cause?: unknown): DomainError {
  return new DomainError(
    "OUTCOME_UNKNOWN",
    "The connection to the storage broke after the write was sent: it may have happened. Repeat it with the same idempotencyKey.",
    { cause },
  );
}

/** A write that was sent and has no answer yet. */
export function stillUnderWay(): DomainError {
  return new DomainError(
    "OUTCOME_UNKNOWN",
    "The storage took too long: it may still happen. Repeat it with the same idempotencyKey.",
  );
}

/** Our own code failed, or wrote a statement or script that the server refuses. */
export function defect(what: string, cause: unknown): DomainError {
  return new DomainError("INTERNAL", `${what} This is a defect in Isimud; the log has more.`, { cause });
}

export function queueDoesNotExist(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", `Queue ${queue.name} does not exist.`, details(queue));
}

export function queueNotMapped({ project, name }: QueueRef): DomainError {
  return new DomainError(
    "QUEUE_NOT_MAPPED",
    `The queue ${JSON.stringify(name)} of the project ${JSON.stringify(project)} is not in the catalogue, so no ` +
      "pool holds it. createQueue creates it again, empty; insertCatalogueEntry maps it to a pool that you name.",
    details({ project, name }),
  );
}

export function staleEpoch(queue: QueueRef): DomainError {
  const text = `Queue ${queue.name} has moved or was created again. Try again.`;
  return new DomainError("QUEUE_EPOCH_STALE", text, details(queue));
}

export function isMoving(queue: QueueRef): DomainError {
  const text = `Queue ${queue.name} is on its way to another pool. Try again in a moment.`;
  return new DomainError("QUEUE_IS_MOVING", text, details(queue));
}

const details = ({ project, name }: QueueRef) => ({ details: { project, queue: name } });
