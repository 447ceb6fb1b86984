/** How the schema's arguments and inputs name a project and a queue, in the same words everywhere. */
import { DomainError, type ErrorCode, hasCode } from "../../errors.ts";
import { builder } from "./builder.ts";
import type { RawJson } from "./json.ts";

const PROJECT =
  'The project; "" is the one without a name. Left out: your only project, and an error if you may see several.';

export const projectArgs = builder.args((t) => ({ project: t.string({ description: PROJECT }) }));

export const queueArgs = builder.args((t) => ({
  project: t.string({ description: PROJECT }),
  queue: t.string({ required: true, description: "The queue's name." }),
}));

/** `project` as an input field's options. */
export const projectField = { description: PROJECT } as const;
/** `queue` as an input field's options. */
export const queueField = { required: true, description: "The queue's name." } as const;
export const createQueueField = {
  description: "Make the queue if it is missing. Without it a missing queue is an error.",
} as const;
export const WAIT_SECONDS =
  "How long to wait, 0 to 20 seconds, while there is nothing to give. Whatever comes meanwhile is given at once. The fields of one operation wait no longer together than the longest of them may.";
export const idempotencyKeyField = {
  description: "Any text of yours. A repeat with the same key gives the first answer and does nothing again.",
} as const;
export const clientIdField = {
  description: "Who you are, for leaving out your own messages when you list. Any text; a UUID is usual.",
} as const;

/** The text of an object that an input takes either as JSON or as text. BAD_INPUT for both; undefined for neither. */
export function optionalText(
  name: string,
  json: RawJson | null | undefined,
  text: string | null | undefined,
): string | undefined {
  if (text === null || text === undefined) return json?.text;
  if (json === null || json === undefined) return text;
  throw new DomainError("BAD_INPUT", `Give either \`${name}\` or \`${name}Text\`, not both.`);
}

/** As optionalText, for any JSON value: a null that is there is the value null, and one of the two must be there. */
export function requiredText(name: string, json: RawJson | null | undefined, text: string | null | undefined): string {
  const given = optionalText(name, json, text) ?? (json === null ? "null" : undefined);
  if (given === undefined) throw new DomainError("BAD_INPUT", `Give \`${name}\` or \`${name}Text\`.`);
  return given;
}

/** Null instead of an error that says that a thing does not exist: in reads that is an answer. */
export async function orNull<T>(result: Promise<T>, code: ErrorCode): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (hasCode(error, code)) return null;
    throw error;
  }
}
