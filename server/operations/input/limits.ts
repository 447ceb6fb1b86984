import type { Limits } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { PageRequest } from "../../storage/list-pages.ts";
import { badMarker } from "../../storage/list-pages.ts";
import type { PageParams } from "./addresses.ts";

/**
 * BAD_INPUT. `field` is the parameter's path, as the caller wrote it. The details of a limit are `value`, which is what
 * the caller gave, and `minimum` and `maximum`.
 */
export function badInput(field: string, message: string, details: Record<string, unknown> = {}): DomainError {
  return new DomainError("BAD_INPUT", message, { details: { field, ...details } });
}

/** Returns the number. BAD_INPUT unless it is whole and between the bounds, both included. */
export function checkWhole(field: string, value: unknown, minimum: number, maximum: number, unit = ""): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw badInput(field, `${field} must be a whole number.`, { minimum, maximum });
  }
  if (value < minimum || value > maximum) {
    const suffix = unit === "" ? "" : ` ${unit}`;
    throw badInput(field, `${field} must be between ${minimum} and ${maximum}${suffix}; it is ${value}.`, {
      value,
      minimum,
      maximum,
    });
  }
  return value;
}

/** Every list's markers are shorter. */
const MAX_MARKER_LENGTH = 4096;

/**
 * The page to ask the driver for. BAD_INPUT. `isMarker` is for drivers that accept any text as a marker: it refuses
 * what the list cannot have returned.
 */
export function pageRequest(
  limits: Limits,
  page: PageParams["page"],
  isMarker: (text: string) => boolean = () => true,
): PageRequest {
  const limit = checkLimit(limits, page?.limitName ?? "limit", page?.limit);
  const after = page?.after ?? undefined;
  const before = page?.before ?? undefined;
  const atEnd = page?.atEnd === true;
  if ((after !== undefined && before !== undefined) || (atEnd && (after ?? before) !== undefined)) {
    throw badInput("before", "Give `after`, `before` or `atEnd`, not two of them.");
  }
  for (const [field, marker] of [
    ["after", after],
    ["before", before],
  ] as const) {
    if (marker === undefined) continue;
    if (!isStorable(marker) || marker.length > MAX_MARKER_LENGTH || !isMarker(marker)) throw badMarker(field);
  }
  return {
    limit,
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    ...(atEnd ? { atEnd } : {}),
  };
}

/** Returns the limit, by default DEFAULT_PAGE_SIZE. BAD_INPUT unless it is from 1 to MAX_PAGE_SIZE. */
export function checkLimit(limits: Limits, field: string, limit: number | null | undefined): number {
  return limit === undefined || limit === null
    ? Math.min(limits.DEFAULT_PAGE_SIZE, limits.MAX_PAGE_SIZE)
    : checkWhole(field, limit, 1, limits.MAX_PAGE_SIZE);
}

/** How the names in a list must begin. Left out, null or "": any name. BAD_INPUT when it is longer than a name. */
export function checkSearch(search: string | null | undefined, maximum: number, field = "search"): { search?: string } {
  if (search === undefined || search === null || search === "") return {};
  checkText(field, search);
  if (search.length > 2 * maximum || [...search].length > maximum) {
    throw badInput(field, `${field} may have at most ${maximum} characters, as many as a name.`, {
      value: [...search].length,
      maximum,
    });
  }
  return { search };
}

/** Checks the size of JSON text in bytes, before anything parses it. TOO_LARGE. */
export function checkTextSize(field: string, text: string, maximum: number): void {
  if (typeof text !== "string") return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maximum) return;
  throw new DomainError("TOO_LARGE", `${field} may have at most ${maximum} bytes; it has ${bytes}.`, {
    details: { field, value: bytes, maximum },
  });
}

/** Returns the list of ids or names. BAD_INPUT when it has more than MAX_PAGE_SIZE entries. */
export function checkBatch<T>(limits: Limits, field: string, items: readonly T[]): readonly T[] {
  if (!Array.isArray(items)) throw badInput(field, `${field} must be a list.`);
  if (items.length > limits.MAX_PAGE_SIZE) {
    throw badInput(field, `${field} may have at most ${limits.MAX_PAGE_SIZE} entries; it has ${items.length}.`, {
      value: items.length,
      maximum: limits.MAX_PAGE_SIZE,
    });
  }
  return items;
}

/** Returns the text. BAD_INPUT unless it is text that every store keeps as it is: see isStorable. */
export function checkText(field: string, text: unknown): string {
  if (isStorable(text)) return text;
  if (typeof text !== "string") throw badInput(field, `${field} must be text.`);
  if (text.includes("\0")) throw badInput(field, `${field} must be text without the character U+0000.`);
  throw badInput(field, `${field} must be well-formed Unicode: it holds half of a surrogate pair.`);
}

/**
 * True for text that every store keeps as it is: without U+0000, which PostgreSQL refuses, and without half of a
 * surrogate pair, which UTF-8 cannot encode.
 */
export function isStorable(text: unknown): text is string {
  return typeof text === "string" && !text.includes("\0") && text.isWellFormed();
}
