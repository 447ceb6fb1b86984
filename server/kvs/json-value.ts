/** What a store can hold: JSON, copied and frozen once on the way in. */
import { DomainError } from "../errors.ts";

/** Deeper values are refused; a cycle meets this bound too. */
const MAX_DEPTH = 64;

/**
 * A deeply frozen copy that no caller shares or can change, so that a store in memory may hand out the same object at
 * every read without copying it again. Properties that are undefined are left out, as JSON leaves them out. BAD_INPUT
 * for what JSON cannot hold: undefined, functions, bigint, NaN and infinity, dates and other class instances, cycles.
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
    // Assigned, "__proto__" would change the copy's prototype instead of becoming a property.
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
