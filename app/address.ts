/** Reads the addresses that components/paths.ts writes. */
import type { ResultOf } from "gql.tada";
import { notFound } from "next/navigation";
import type { PAGE_INFO } from "../components/fragments.ts";
import { readSegment } from "../components/paths.ts";
import type { PagerLinks } from "../components/ui/table.tsx";

export type Search = Record<string, string | string[] | undefined>;

/** The value of a parameter. Of several, the first; of an empty one, undefined. */
export function one(search: Search, name: string): string | undefined {
  const value = search[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === "" ? undefined : first;
}

export function isOn(search: Search, name: string): boolean {
  return one(search, name) === "1";
}

/** The choice that a parameter names; undefined when it names none of them. */
export function chosen<Choice>(
  search: Search,
  name: string,
  choices: Readonly<Record<string, Choice>>,
): Choice | undefined {
  const value = one(search, name);
  return value !== undefined && Object.hasOwn(choices, value) ? choices[value] : undefined;
}

/** The name in a segment of the path. For an unreadable segment the page is not found. */
export function named(segment: string): string {
  const name = readSegment(segment);
  if (name === null) notFound();
  return name;
}

/** As `named`, for a parameter that is written like a segment. Undefined when it is missing or unreadable. */
export function namedParam(search: Search, name: string): string | undefined {
  const value = one(search, name);
  return value === undefined ? undefined : (readSegment(value) ?? undefined);
}

/** Rows of a page. The API allows at most 100. */
const PAGE_SIZE = 50;

interface PageVariables {
  first?: number;
  after?: string;
  last?: number;
  before?: string;
}

/** The page that an address names, as arguments of a connection. */
export function pageVariables(search: Search, size = PAGE_SIZE): PageVariables {
  const before = one(search, "before");
  if (before !== undefined) return { last: size, before };
  return { first: size, after: one(search, "after") };
}

/** Links to the first page and to the pages beside this one. */
export function pagerLinks(
  info: ResultOf<typeof PAGE_INFO>,
  search: Search,
  href: (page: { after?: string; before?: string }) => string,
): PagerLinks {
  const begun = one(search, "after") !== undefined || one(search, "before") !== undefined;
  return {
    first: begun ? href({}) : null,
    previous: info.hasPreviousPage && info.startCursor !== null ? href({ before: info.startCursor }) : null,
    next: info.hasNextPage && info.endCursor !== null ? href({ after: info.endCursor }) : null,
  };
}
