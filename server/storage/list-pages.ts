/** Pages of lists, and checks of the ids and markers that clients send. */
import { DomainError } from "../errors.ts";

/**
 * Asks for a page of a list, in the list's order: the items after the marker `after`, or those before `before`, or with
 * `atEnd` the last ones, or else the first ones. At most one of the three is given. The page does not contain the
 * marked item, which need not exist any more. BAD_INPUT for a text that is no marker.
 */
export interface PageRequest {
  after?: string;
  before?: string;
  atEnd?: boolean;
  limit: number;
}

/**
 * `markers` has one for each item. `nextMarker` is null when no items follow now, else the marker of the last item;
 * `previousMarker` is the same for the items before and the first one. A page with fewer items than asked for can still
 * have a `nextMarker`. Readers that follow a growing list should keep the marker of the last item they got.
 */
export interface Page<T> {
  items: T[];
  markers: string[];
  nextMarker: string | null;
  previousMarker: string | null;
}

/** The page of a list that has no items. */
export const emptyPage = <T>(): Page<T> => ({ items: [], markers: [], nextMarker: null, previousMarker: null });

/** True when the page is read from its end: against the list's order. */
export function readsBackward({ before, atEnd }: { before?: unknown; atEnd?: boolean }): boolean {
  return before !== undefined || atEnd === true;
}

/** The id of no claim, message or subscription; lower than every other. */
export const NIL = "00000000-0000-0000-0000-000000000000";

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

/** True for a number of at most 63 bits, as text. */
export function isNumber(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 1n << 63n;
}

/** A marker that is a 63-bit number. BAD_INPUT. */
export function numberMarker(marker: string, field: MarkerField = "after"): string {
  if (!isNumber(marker)) throw badMarker(field);
  return marker;
}

/** The direction of a page whose markers are numbers, and the number that it begins beyond. BAD_INPUT. */
export function numberRange(page: PageRequest): { direction: Direction; from: string } {
  const direction = readsBackward(page) ? "backward" : "forward";
  const marker = page.before ?? page.after;
  const from = marker === undefined ? OUTMOST_NUMBERS[direction] : numberMarker(marker, markerField(page));
  return { direction, from };
}

/** The same for markers that are UUIDs. */
export function uuidRange(page: PageRequest): { direction: Direction; from: string } {
  const direction = readsBackward(page) ? "backward" : "forward";
  const marker = page.before ?? page.after;
  const from = marker === undefined ? OUTMOST_UUIDS[direction] : uuidMarker(marker, markerField(page));
  return { direction, from };
}

type Direction = "forward" | "backward";
const OUTMOST_NUMBERS = { forward: "0", backward: String(2n ** 63n - 1n) };
const OUTMOST_UUIDS = {
  forward: NIL,
  backward: "ffffffff-ffff-ffff-ffff-ffffffffffff",
};

/** A marker that is a UUID. BAD_INPUT. */
function uuidMarker(marker: string, field: MarkerField): string {
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
  page: Omit<PageRequest, "limit">,
  markerOf: (item: Item) => string,
): Page<Item> {
  const backward = readsBackward(page);
  const items = backward ? rows.toReversed() : [...rows];
  const markers = items.map(markerOf);
  const [follow, precede] = backward ? [page.before !== undefined, more] : [more, page.after !== undefined];
  return {
    items,
    markers,
    nextMarker: follow ? (markers.at(-1) ?? null) : null,
    previousMarker: precede ? (markers[0] ?? null) : null,
  };
}

export function badMarker(field: MarkerField): DomainError {
  return new DomainError(
    "BAD_INPUT",
    `${field} is no marker of this list. Use one from a page that you read before, or leave it out for the first page.`,
    { details: { field } },
  );
}
