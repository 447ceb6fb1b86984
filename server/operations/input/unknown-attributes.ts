/** Metadata keys that begin with an underscore but are no reserved attribute. Most of them are typing errors. */
import { nearestName } from "../../nearest-name.ts";
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

/** Null when more than a third of the key differs. */
function nearestAttribute(key: string): string | null {
  if (key.length > MAX_COMPARED) return null;
  return nearestName(key.toLowerCase(), RESERVED_KEYS, key.length / 3);
}
