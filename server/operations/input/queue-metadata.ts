/** A queue's metadata as text: which texts may be stored, and how to change single keys without touching the others. */
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
  /** JSON text of an object, exactly as it was given: reserved attributes and the user's own keys. */
  text: string;
  /** The attributes that apply: the stored value where there is one, else the default. */
  effective: ReservedAttributes;
  /** Only the attributes that are stored. */
  stored: Partial<ReservedAttributes>;
}

/** `add` overwrites. `replace` and `remove` of a key that is neither stored nor reserved is BAD_INPUT. */
export type MetadataChange = { op: "add" | "replace"; key: string; valueText: string } | { op: "remove"; key: string };

/** Keys that could make a JavaScript program change its own prototypes. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** Reads stored text. Never fails: the text was checked when it was written, perhaps by other rules. */
export function readMetadata(limits: Limits, text: string): QueueMetadata {
  const stored = readAttributes(objectMembers(text));
  return { text, stored, effective: effectiveAttributes(limits, stored) };
}

/** Checks and reads new metadata for the queue `name`. BAD_INPUT, TOO_LARGE, NOT_SUPPORTED. */
export function checkMetadata(limits: Limits, name: string, text: string): QueueMetadata {
  checkTextSize("metadata", text, limits.MAX_QUEUE_METADATA);
  const members = checkObjectText("metadata", text, limits.MAX_JSON_DEPTH);
  for (const key of members.keys()) checkKey(key);
  const stored = checkAttributes(limits, name, members);
  return { text, stored, effective: effectiveAttributes(limits, stored) };
}

/**
 * Applies the changes in their order, then checks all of the metadata. The texts of values that are not changed stay as
 * they are. BAD_INPUT, TOO_LARGE, NOT_SUPPORTED.
 */
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
        `The metadata has no key ${JSON.stringify(change.key)} to ${change.op}. Use add to create it.`,
        { key: change.key },
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
