import type { Limits } from "../config.ts";
import { DomainError } from "../errors.ts";
import type { PageRequest } from "../storage/data-driver.ts";
import type { PageParams } from "./addresses.ts";

/** `field` is the parameter's path as the caller wrote it. */
export function badInput(field: string, message: string, details: Record<string, unknown> = {}): DomainError {
  return new DomainError("BAD_INPUT", message, { details: { field, ...details } });
}

/** The number, when it is whole and between the bounds (both included). */
export function checkWhole(field: string, value: unknown, minimum: number, maximum: number, unit = ""): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw badInput(field, `${field} must be a whole number.`, { minimum, maximum });
  }
  if (value < minimum || value > maximum) {
    const suffix = unit === "" ? "" : ` ${unit}`;
    throw badInput(field, `${field} must be between ${minimum} and ${maximum}${suffix}; it is ${value}.`, {
      minimum,
      maximum,
    });
  }
  return value;
}

/** The page that the driver is asked for. */
export function pageRequest(limits: Limits, page: PageParams["page"]): PageRequest {
  const limit = checkLimit(limits, "limit", page?.limit);
  const after = page?.after ?? undefined;
  const before = page?.before ?? undefined;
  if (after !== undefined && before !== undefined) {
    throw badInput("before", "Give `after` or `before`, not both.");
  }
  for (const [field, marker] of [
    ["after", after],
    ["before", before],
  ] as const) {
    if (marker !== undefined && !isStorable(marker)) throw badInput(field, `${field} is not a marker.`);
  }
  return { limit, ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
}

export function checkLimit(limits: Limits, field: string, limit: number | null | undefined): number {
  return limit === undefined || limit === null
    ? Math.min(limits.DEFAULT_PAGE_SIZE, limits.MAX_PAGE_SIZE)
    : checkWhole(field, limit, 1, limits.MAX_PAGE_SIZE);
}

/** Lists of ids and names in one request. */
export function checkBatch<T>(limits: Limits, field: string, items: readonly T[]): readonly T[] {
  if (!Array.isArray(items)) throw badInput(field, `${field} must be a list.`);
  if (items.length > limits.MAX_PAGE_SIZE) {
    throw badInput(field, `${field} may have at most ${limits.MAX_PAGE_SIZE} entries; it has ${items.length}.`, {
      maximum: limits.MAX_PAGE_SIZE,
    });
  }
  return items;
}

/** Text that every store keeps as it is: no U+0000 (PostgreSQL refuses it) and no half of a surrogate pair (UTF-8 cannot say it). */
export function isStorable(text: unknown): text is string {
  return typeof text === "string" && !text.includes("\0") && text.isWellFormed();
}
