/** Pages of keys and locks, cut from what backends return. */
import {
  badMarker,
  type MarkerField,
  type Page,
  type PageRequest,
  pageOf,
  readsBackward,
} from "../storage/list-pages.ts";
import { byCodePoint } from "./code-point-order.ts";
import type { LockedKey, StoredLock } from "./region.ts";

/** Opaque to clients. */
export const lockMarker = ({ region, key }: StoredLock) => JSON.stringify([region, key]);

/** The range to ask a backend for: one item more than the page has. BAD_INPUT for a marker that is none. */
export function lockRange({ after, before, atEnd, limit }: PageRequest) {
  return {
    after: after === undefined ? undefined : parseLockMarker(after, "after"),
    before: before === undefined ? undefined : parseLockMarker(before, "before"),
    atEnd,
    limit: limit + 1,
  };
}

function parseLockMarker(marker: string, field: MarkerField): LockedKey {
  let parsed: unknown;
  try {
    parsed = JSON.parse(marker);
  } catch {
    parsed = undefined;
  }
  const [region, key] = Array.isArray(parsed) ? parsed : [];
  if (typeof region !== "string" || typeof key !== "string") {
    throw badMarker(field);
  }
  return { region, key };
}

/** True for a name that belongs to the page, by its markers. */
export function isInRange(name: string, page: PageRequest): boolean {
  if (page.before !== undefined) return byCodePoint(name, page.before) < 0;
  return page.after === undefined || byCodePoint(name, page.after) > 0;
}

/** Makes a page from items that were read with one more than its limit. The extra item shows whether more follow. */
export function cutPage<T>(found: T[], page: PageRequest, markerOf: (item: T) => string): Page<T> {
  return pageOf(readsBackward(page) ? found.toReversed() : found, page, markerOf);
}
