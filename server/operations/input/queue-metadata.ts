/** A queue's metadata as text: what may be stored, and changing single keys without touching the others. */
import type { Limits } from "../../config.ts";
import { checkJsonText, checkObjectText, objectMembers, objectText } from "./json-text.ts";
import { badInput, checkTextSize } from "./limits.ts";
import {
  checkAttributes,
  effectiveAttributes,
  isReserved,
  type ReservedAttributes,
  readAttributes,
} from "./queue-attributes.ts";

export interface QueueMetadata {
  /** JSON text of an object, as it was given: reserved attributes and the user's own. */
  text: string;
  /** What counts: the stored value where there is one, else the default. */
  effective: ReservedAttributes;
  /** Only those that are stored. */
  stored: Partial<ReservedAttributes>;
}

/** `add` overwrites. `replace` and `remove` of a key that is neither stored nor reserved is BAD_INPUT. */
export type MetadataChange = { op: "add" | "replace"; key: string; valueText: string } | { op: "remove"; key: string };

/** Keys with which a program in JavaScript could be led to change its own objects. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** What stored text says. Never fails: it was checked when it was written, perhaps by other rules. */
export function readMetadata(limits: Limits, text: string): QueueMetadata {
  const stored = readAttributes(objectMembers(text));
  return { text, stored, effective: effectiveAttributes(limits, stored) };
}

/** New metadata for the queue `name`, when it may be stored. BAD_INPUT, TOO_LARGE, NOT_SUPPORTED. */
export function checkMetadata(limits: Limits, name: string, text: string): QueueMetadata {
  checkTextSize("metadata", text, limits.MAX_QUEUE_METADATA);
  const members = checkObjectText("metadata", text, limits.MAX_JSON_DEPTH);
  for (const key of members.keys()) checkKey(key);
  const stored = checkAttributes(limits, name, members);
  return { text, stored, effective: effectiveAttributes(limits, stored) };
}

/** The metadata after these changes in their order; all of it is checked then. Values that are not changed stay to the letter. */
export function patchedMetadata(
  limits: Limits,
  name: string,
  text: string,
  changes: readonly MetadataChange[],
): QueueMetadata {
  const members = objectMembers(text);
  for (const [index, change] of changes.entries()) {
    const field = `changes.${index}`;
    checkKey(change.key);
    const known = members.has(change.key) || isReserved(change.key);
    if (change.op !== "add" && !known) {
      throw badInput(
        field,
        `The metadata has no key ${JSON.stringify(change.key)} to ${change.op}. Use add to make one.`,
        {
          key: change.key,
        },
      );
    }
    if (change.op === "remove") members.delete(change.key);
    else members.set(change.key, checkJsonText(`${field}.value`, change.valueText, limits.MAX_JSON_DEPTH).trim());
  }
  return checkMetadata(limits, name, objectText(members));
}

function checkKey(key: string): void {
  if (FORBIDDEN_KEYS.has(key))
    throw badInput("metadata", `${key} may not be a key of metadata. Take another name.`, { key });
}
