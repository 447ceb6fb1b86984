/** A storage that is there and answers at once, but takes no writes now: it is full, or read-only. Reads may well work. */
import { DomainError, hasCode } from "../errors.ts";

export function takesNoWrites(message: string, cause: unknown): DomainError {
  return new DomainError("STORAGE_UNAVAILABLE", message, { details: { takesWrites: false }, cause });
}

export function isTakingNoWrites(error: unknown): boolean {
  return hasCode(error, "STORAGE_UNAVAILABLE") && error.details.takesWrites === false;
}
