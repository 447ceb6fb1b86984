/** Errors of deletes and releases that are refused, the same for every driver. */
import { DomainError } from "../../errors.ts";

/** Most ids that an error names. */
const MAX_NAMED = 100;

export function messageIsClaimed(messageId: string): DomainError {
  return new DomainError(
    "MESSAGE_IS_CLAIMED",
    "This message is claimed; it cannot be deleted without a valid claim id.",
    { details: { messageId } },
  );
}

export function messagesAreClaimed(messageIds: readonly string[]): DomainError {
  return new DomainError(
    "MESSAGE_IS_CLAIMED",
    "Some of these messages are claimed; they cannot be deleted without their claims. Nothing was deleted.",
    { details: { messageIds: messageIds.slice(0, MAX_NAMED) } },
  );
}

export function messageIsNotClaimed(messageId: string): DomainError {
  return new DomainError("MESSAGE_NOT_CLAIMED", "A claim was specified, but nobody holds this message now.", {
    details: { messageId },
  });
}

export function anotherClaimHolds(messageId: string): DomainError {
  return new DomainError("MESSAGE_NOT_CLAIMED_BY", "Another claim holds this message.", { details: { messageId } });
}

export function claimDoesNotExist(messageId: string): DomainError {
  return new DomainError("CLAIM_DOES_NOT_EXIST", "The specified claim does not exist or has expired.", {
    details: { messageId },
  });
}

export function messagesAreNotHeld(messageIds: readonly string[]): DomainError {
  return new DomainError(
    "MESSAGE_NOT_CLAIMED_BY",
    "Not all of these messages are held by the claims given. Nothing was deleted.",
    { details: { messageIds: messageIds.slice(0, MAX_NAMED) } },
  );
}

export function othersHold(messageIds: readonly string[]): DomainError {
  return new DomainError(
    "MESSAGE_NOT_CLAIMED_BY",
    "Another claim holds some of these messages. Nothing was released. Leave them to their new holder.",
    { details: { messageIds: messageIds.slice(0, MAX_NAMED) } },
  );
}
