/** The values that a store can hold: JSON, copied and frozen once when written. */
import { DomainError } from "../errors.ts";

/** Deeper values are refused, and so are values that contain themselves. */
const MAX_DEPTH = 64;

/**
 * A deeply frozen copy that no caller can change, so that a store in memory can return the same object at every read.
 * Leaves out properties that are undefined, as JSON does.
 *
 * BAD_INPUT for anything that JSON cannot hold: undefined, functions, bigint, NaN and infinity, dates and other class
 * instances, cycles.
 */
export function frozenCopy(value: unknown, depth = 0): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object") throw notJson(typeof value);
  if (depth === MAX_DEPTH) throw notJson(`nesting deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return Object.freeze(Array.from(value, (item) => frozenCopy(item, depth + 1)));

  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notJson("a class instance");
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    // An assignment to "__proto__" would change the copy's prototype instead of creating a property.
    if (name === "__proto__") {
      Object.defineProperty(copy, name, { value: frozenCopy(item, depth + 1), enumerable: true });
    } else {
      copy[name] = frozenCopy(item, depth + 1);
    }
  }
  return Object.freeze(copy);
}

function notJson(what: string): DomainError {
  return new DomainError("BAD_INPUT", `A store holds JSON values only, and this one has ${what}.`);
}
