/** Paging by key, both ways, at a cost that does not grow with what lies before the page. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { badMarker, emptyPage, type MarkerField, markerField, readsBackward } from "../../list-pages.ts";

/**
 * One side of a key: rows beyond a marker, or from it on. `side` has Prisma's names, so that models take it as it is.
 */
export interface Bound {
  side: "gt" | "gte" | "lt" | "lte";
  marker: string;
  field: MarkerField;
}

const OPERATORS = { gt: Prisma.sql`>`, gte: Prisma.sql`>=`, lt: Prisma.sql`<`, lte: Prisma.sql`<=` } as const;
const ORDERS = { asc: Prisma.sql`ASC`, desc: Prisma.sql`DESC` } as const;

export type Order = keyof typeof ORDERS;
export const operatorOf = (bound: Bound): Prisma.Sql => OPERATORS[bound.side];
export const orderOf = (order: Order): Prisma.Sql => ORDERS[order];

/**
 * Reads one page with `fetch`, which reads at most `take` rows on one side of a key in the given order. It fetches one
 * row more than the page to learn whether more follow, and one on the other side of the marker. BAD_INPUT for a marker
 * at both ends.
 */
export async function keysetPage<Row, Item>(params: {
  page: PageRequest;
  descending?: boolean;
  fetch: (bound: Bound | null, order: Order, take: number) => Promise<Row[]>;
  marker: (row: Row) => string;
  item: (row: Row) => Item;
}): Promise<Page<Item>> {
  const { after, before, limit } = params.page;
  if (after !== undefined && before !== undefined) {
    throw new DomainError("BAD_INPUT", "Give `after` or `before`, not both.");
  }
  const backwards = readsBackward(params.page);
  const marker = after ?? before;
  const field = markerField(params.page);
  const ascending = (params.descending === true) === backwards;
  const [rows, otherSide] = await Promise.all([
    params.fetch(
      marker === undefined ? null : { side: ascending ? "gt" : "lt", marker, field },
      ascending ? "asc" : "desc",
      limit + 1,
    ),
    marker === undefined
      ? []
      : params.fetch({ side: ascending ? "lte" : "gte", marker, field }, ascending ? "desc" : "asc", 1),
  ]);
  const more = rows.length > limit;
  const shown = more ? rows.slice(0, limit) : rows;
  if (backwards) shown.reverse();
  if (shown.length === 0) return emptyPage();
  const markers = shown.map(params.marker);
  const [follows, precedes] = backwards ? [otherSide.length > 0, more] : [more, otherSide.length > 0];
  return {
    items: shown.map(params.item),
    markers,
    nextMarker: follows ? (markers.at(-1) ?? null) : null,
    previousMarker: precedes ? (markers[0] ?? null) : null,
  };
}

/** A marker over several columns, as one opaque text. */
export function writeMarker(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The parts of a marker. BAD_INPUT for a text that writeMarker did not write for a list of these kinds. */
export function readMarker({ marker, field }: Bound, kinds: readonly ("text" | "number")[]): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(marker, "base64url").toString());
    if (
      Array.isArray(parts) &&
      parts.length === kinds.length &&
      parts.every((part, index) => typeof part === "string" && (kinds[index] === "text" || /^\d{1,16}$/.test(part)))
    ) {
      return parts;
    }
  } catch {
    // Not JSON: the same error.
  }
  throw badMarker(field);
}

/**
 * The exclusive end of the range of texts that begin with a prefix, in the order of code points, which is the order of
 * bytes in UTF-8 (COLLATE "C"). Null: the range has no end. A range uses the index, and unlike LIKE gives `%` and `_`
 * no meaning.
 */
export function prefixEnd(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  while (points.length > 0) {
    const last = points.pop() as number;
    if (last === 0x10ffff) continue;
    // U+D800 to U+DFFF are not characters.
    points.push(last === 0xd7ff ? 0xe000 : last + 1);
    return String.fromCodePoint(...points);
  }
  return null;
}
