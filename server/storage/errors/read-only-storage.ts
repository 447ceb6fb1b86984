/** Storages that answer but refuse writes, because they are full or read-only. Reads may succeed. */
import { DomainError, hasCode } from "../../errors.ts";

/** The reasons as sentences without their full stop. */
const REASONS = {
  "disk-full": "The disk is full",
  "memory-full": "The memory is full: it has reached its maxmemory",
  "out-of-memory": "The server is out of memory",
  "read-only": "The storage is read-only",
  "disk-failing": "The storage cannot write to its disk",
  "too-few-replicas": "The storage has too few replicas to take writes",
} as const;

export type WriteRefusal = keyof typeof REASONS;

/** The error of a write that was refused: nothing was written. `cause` is the storage's own error. */
export function writeRefusedError(reason: WriteRefusal, cause: unknown): DomainError {
  const message = `${refusalReason(reason)}. Nothing was written. Try again later: writes succeed again once that is over.`;
  return new DomainError("STORAGE_UNAVAILABLE", message, { details: { takesWrites: false, reason }, cause });
}

/** Why the storage refused the write. Null for every other error. */
export function writeRefusalOf(error: unknown): WriteRefusal | null {
  if (!hasCode(error, "STORAGE_UNAVAILABLE") || error.details.takesWrites !== false) return null;
  return error.details.reason as WriteRefusal;
}

export function isWriteRefusal(error: unknown): boolean {
  return writeRefusalOf(error) !== null;
}

export function refusalReason(reason: WriteRefusal): string {
  return REASONS[reason];
}
