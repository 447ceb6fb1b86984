/** Pages of lists, and checks of the ids and markers that clients send. */
import { DomainError } from "../errors.ts";

/**
 * Asks for a page of a list: the items after the marker `after`, or those before `before`, in the list's order either
 * way. At most one of the two is given. The page does not contain the marked item, which need not exist any more.
 * BAD_INPUT for a text that is no marker.
 */
export interface PageRequest {
  after?: string;
  before?: string;
  limit: number;
}

/**
 * A marker is null when there is no such page now. A page with fewer items than asked for can still have a
 * `nextMarker`. Readers that follow a growing list should keep the marker of the last item they got.
 */
export interface Page<T> {
  items: T[];
  nextMarker: string | null;
  previousMarker: string | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The UUID in lower case with dashes. Null when the text is no UUID. */
export function normaliseUuid(id: string): string | null {
  const lower = id.toLowerCase();
  if (UUID.test(lower)) return lower;
  if (/^[0-9a-f]{32}$/.test(lower)) {
    return `${lower.slice(0, 8)}-${lower.slice(8, 12)}-${lower.slice(12, 16)}-${lower.slice(16, 20)}-${lower.slice(20)}`;
  }
  return null;
}

/** The UUIDs among the ids, in lower case with dashes. */
export function validUuids(ids: readonly string[]): string[] {
  return ids.map(normaliseUuid).filter((id) => id !== null);
}

/** The name of the argument that holds the marker. */
export type MarkerField = "after" | "before";

export function markerField({ before }: Pick<PageRequest, "before">): MarkerField {
  return before === undefined ? "after" : "before";
}

/** A marker that is a 63-bit number. BAD_INPUT. */
export function numberMarker(marker: string, field: MarkerField = "after"): string {
  if (!/^\d{1,19}$/.test(marker) || BigInt(marker) >= 1n << 63n) throw badMarker(field);
  return marker;
}

/** A marker that is a UUID. BAD_INPUT. */
export function uuidMarker(marker: string, field: MarkerField): string {
  const uuid = normaliseUuid(marker);
  if (uuid === null) throw badMarker(field);
  return uuid;
}

/**
 * Makes a page of rows, in the order in which they were read. One row more than `page.limit` means that there are more.
 */
export function pageOf<Item>(rows: readonly Item[], page: PageRequest, markerOf: (item: Item) => string): Page<Item> {
  return pageOfAll(rows.slice(0, page.limit), rows.length > page.limit, page, markerOf);
}

/** The same for rows that all belong to the page. `more`: others follow in the order of reading. */
export function pageOfAll<Item>(
  rows: readonly Item[],
  more: boolean,
  { after, before }: PageRequest,
  markerOf: (item: Item) => string,
): Page<Item> {
  const backward = before !== undefined;
  const items = backward ? rows.toReversed() : [...rows];
  const [first, last] = [items[0], items.at(-1)];
  return {
    items,
    nextMarker: last !== undefined && (backward || more) ? markerOf(last) : null,
    previousMarker: first !== undefined && (backward ? more : after !== undefined) ? markerOf(first) : null,
  };
}

export function badMarker(field: MarkerField): DomainError {
  return new DomainError(
    "BAD_INPUT",
    `${field} is no marker of this list. Use one from a page that you read before, or leave it out for the first page.`,
    { details: { field } },
  );
}
