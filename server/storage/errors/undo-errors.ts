import { DomainError } from "../../errors.ts";
import type { QueueRef } from "../queue-ref.ts";

/** Why something cannot be brought back any more. */
export type UndoIsOver = keyof typeof REASONS;

const REASONS = {
  used: "It has been taken back already.",
  expired: "The time in which it could be taken back is over.",
  purged: "The queue was purged or deleted again since.",
  moved: "The queue has moved to another pool since.",
  created: "A queue of this name was created again since.",
  deleted: "The queue was deleted since. Take that back first, if you can.",
  gone: "Its pool keeps nothing of it any more: the queue has changed since, or the pool lost it.",
} as const;

export function undoDoesNotExist(token: string): DomainError {
  return new DomainError("UNDO_DOES_NOT_EXIST", "There is no undo with this token.", { details: { token } });
}

export function undoIsOver(queue: QueueRef, because: UndoIsOver): DomainError {
  return new DomainError("UNDO_IS_OVER", REASONS[because], {
    details: { project: queue.project, queue: queue.name, because },
  });
}
