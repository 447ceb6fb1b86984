/** Keys of a queue's metadata that begin like reserved attributes and are none: slips of the pen, most of them. */
import { objectMembers } from "./json-text.ts";
import { badInput } from "./limits.ts";
import { isReserved, RESERVED_KEYS } from "./queue-attributes.ts";

/** Longer ones resemble no attribute, and comparing takes the square of the length. */
const MAX_COMPARED = 64;

/** Those with an underscore in front that are no attribute, with their values. */
export function unknownAttributes(text: string): Map<string, string> {
  return new Map([...objectMembers(text)].filter(([key]) => key.startsWith("_") && !isReserved(key)));
}

/**
 * BAD_INPUT for a key that is set and unknown, naming the nearest attribute. One that is stored with this value already
 * stays.
 */
export function refuseUnknownAttributes(unknown: ReadonlyMap<string, string>, before: string): void {
  if (unknown.size === 0) return;
  const stored = objectMembers(before);
  for (const [key, valueText] of unknown) {
    if (stored.get(key) === valueText) continue;
    const nearest = nearestAttribute(key);
    const hint =
      nearest === null ? `The attributes are ${RESERVED_KEYS.join(", ")}.` : `The nearest one is ${nearest}.`;
    throw badInput(
      "metadata",
      `${JSON.stringify(key.slice(0, MAX_COMPARED))} is no attribute of a queue. ${hint} A key of your own must not begin with an underscore.`,
      nearest === null ? {} : { nearest },
    );
  }
}

/** Null when none is near: within a third of the key's length. */
function nearestAttribute(key: string): string | null {
  if (key.length > MAX_COMPARED) return null;
  const distances = RESERVED_KEYS.map((name): [number, string] => [editDistance(key.toLowerCase(), name), name]);
  const [distance, name] = distances.reduce((best, one) => (one[0] < best[0] ? one : best));
  return distance <= key.length / 3 ? name : null;
}

/** How many characters to add, drop or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 0; at < a.length; at += 1) {
    const next = [at + 1];
    for (let to = 0; to < b.length; to += 1) {
      const replaced = (row[to] as number) + (a[at] === b[to] ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] as number) + 1, (next[to] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
