/** The words for each action. */
import type { ActionName } from "./choices.ts";

interface Words {
  label: string;
  /** "1,204 would move" */
  would: string;
  about: string;
  danger: boolean;
  /** It keeps to a rate. */
  rated: boolean;
}

export const WORDS: Record<ActionName, Words> = {
  redrive: {
    label: "Redrive",
    would: "would move",
    about: "Moves dead letters back to the queues that they came from.",
    danger: false,
    rated: true,
  },
  move: {
    label: "Move",
    would: "would move",
    about: "Moves messages to the end of another queue.",
    danger: false,
    rated: true,
  },
  release: {
    label: "Release",
    would: "would be released",
    about: "Ends claims on messages, so that other clients can claim them.",
    danger: false,
    rated: true,
  },
  delete: {
    label: "Delete",
    would: "would be deleted",
    about: "Deletes messages, one by one.",
    danger: true,
    rated: true,
  },
  purge: {
    label: "Purge",
    would: "would be purged",
    about: "Empties queues at once, or removes what is older than a time. Claimed messages go, too.",
    danger: true,
    rated: false,
  },
};

/** Why a job leaves messages, after their number. */
export const LEFT_WORDS = {
  CLAIMED: "claimed by somebody",
  NOT_CLAIMED: "not claimed any more",
  SOURCE_UNKNOWN: "it is not known which queue they came from",
  SOURCE_MISSING: "the queue that they came from does not exist",
  TOO_LARGE: "larger than the target takes",
} as const;
