import { markerField, type PageRequest, uuidMarker } from "../list-pages.ts";

/**
 * The arguments of ZRANGEBYLEX for a page of a set whose members are ids. `limit` is one more than the page's, to see
 * whether more follow.
 */
export function idRange(page: PageRequest): { command: string; from: string; to: string; limit: number } {
  const backward = page.before !== undefined;
  const marker = page.before ?? page.after;
  return {
    command: backward ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX",
    from: marker === undefined ? "-" : `(${uuidMarker(marker, markerField(page))}`,
    to: backward ? "-" : "+",
    limit: page.limit + 1,
  };
}
