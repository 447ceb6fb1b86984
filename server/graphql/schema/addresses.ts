/** Arguments and input fields that many nouns share, with the same words everywhere. */
import { type ErrorCode, hasCode } from "../../errors.ts";
import { builder } from "./builder.ts";

const PROJECT =
  'The project; "" is the one without a name. Left out: your only project; an error if you may see several.';

export const projectArgs = builder.args((t) => ({ project: t.string({ description: PROJECT }) }));
/** Of lists that go over one project or over all. */
export const projectsArgs = builder.args((t) => ({
  project: t.string({ description: PROJECT }),
  allProjects: t.boolean({
    defaultValue: false,
    required: true,
    description: "All projects that you may see, instead of one.",
  }),
}));

export const queueArgs = builder.args((t) => ({
  project: t.string({ description: PROJECT }),
  queue: t.string({ required: true, description: "The queue's name." }),
}));

/** `project` as an input field's options. */
export const projectField = { description: PROJECT } as const;
/** `queue` as an input field's options. */
export const queueField = { required: true, description: "The queue's name." } as const;
/** `reason` as an input field's options: see `giving`. */
export const reasonField = {
  description:
    "Why, for the audit log, in 1 to 1,000 characters. What a program does to messages, claims, subscriptions and keys is audited only with a reason.",
} as const;
export const createQueueField = {
  defaultValue: false,
  required: true,
  description: "Create the queue if it does not exist. Otherwise a missing queue is an error.",
} as const;
/** `limit` of a claim or a pop. */
export const takeLimitField = {
  type: "SafeInt",
  description:
    "How many at most. Fewer come when they would exceed `limits.maxPageBytes`, but at least one if there is one. Left out: the default page size.",
} as const;
export const WAIT_SECONDS =
  "How many seconds to wait, 0 to 20, while there is no message. The first messages that arrive are returned at once. The fields of one operation share their wait: together they wait no longer than the longest of them may.";
export const idempotencyKeyField = {
  description:
    "Any text, up to `limits.maxIdempotencyKeyLength`. It belongs to the queue. A repeat with the same key within `limits.idempotencyKeySeconds` returns the first answer and does nothing again. IDEMPOTENCY_KEY_REUSED when the key was used for something else.",
} as const;
export const clientIdField = {
  description: "Identifies your client, so that lists can leave out your own messages. Any text; usually a UUID.",
} as const;

/** Null instead of the error `code`, which says that something does not exist: reads answer null for that. */
export async function orNull<T>(result: Promise<T>, code: ErrorCode): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (hasCode(error, code)) return null;
    throw error;
  }
}
