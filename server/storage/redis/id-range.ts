import { type PageRequest, uuidRange } from "../list-pages.ts";

/**
 * The arguments of ZRANGEBYLEX for a page of a set whose members are ids. `limit` is one more than the page's, to see
 * whether more follow.
 */
export function idRange(page: PageRequest): { command: string; from: string; to: string; limit: number } {
  const { direction, from } = uuidRange(page);
  const [command, to] = direction === "backward" ? ["ZREVRANGEBYLEX", "-"] : ["ZRANGEBYLEX", "+"];
  return { command, from: `(${from}`, to, limit: page.limit + 1 };
}
