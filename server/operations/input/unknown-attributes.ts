/** Metadata keys that begin with an underscore but are no reserved attribute. Most of them are typing errors. */
import { objectMembers } from "./json-text.ts";
import { badInput } from "./limits.ts";
import { isReserved, RESERVED_KEYS } from "./queue-attributes.ts";

/** Characters. Longer keys resemble no attribute, and the time to compare grows with the square of the length. */
const MAX_COMPARED = 64;

/** The unknown keys of an object's text, with the texts of their values. */
export function unknownAttributes(text: string): Map<string, string> {
  return new Map([...objectMembers(text)].filter(([key]) => key.startsWith("_") && !isReserved(key)));
}

/**
 * BAD_INPUT for an unknown key that is set; the error names the nearest attribute. A key that `before` has with the
 * same value is accepted.
 */
export function refuseUnknownAttributes(unknown: ReadonlyMap<string, string>, before: string): void {
  if (unknown.size === 0) return;
  const stored = objectMembers(before);
  for (const [key, valueText] of unknown) {
    if (stored.get(key) === valueText) continue;
    const nearest = nearestAttribute(key);
    const hint =
      nearest === null ? `The attributes are ${RESERVED_KEYS.join(", ")}.` : `The nearest one is ${nearest}.`;
    const shown = key.slice(0, MAX_COMPARED);
    throw badInput(
      shown,
      `${JSON.stringify(shown)} is no attribute of a queue. ${hint} ` +
        "A key of your own must not begin with an underscore.",
      nearest === null ? {} : { nearest },
    );
  }
}

/** The attribute with the fewest differing characters. Null when more than a third of the key differs. */
function nearestAttribute(key: string): string | null {
  if (key.length > MAX_COMPARED) return null;
  const distances = RESERVED_KEYS.map((name): [number, string] => [editDistance(key.toLowerCase(), name), name]);
  const [distance, name] = distances.reduce((best, one) => (one[0] < best[0] ? one : best));
  return distance <= key.length / 3 ? name : null;
}

/** The Levenshtein distance: how many characters to add, drop or replace. */
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
