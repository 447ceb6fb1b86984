/** Reading the addresses that components/paths.ts makes. */
import { notFound } from "next/navigation";
import { readSegment } from "../components/paths.ts";
import type { PagerLinks } from "../components/ui/table.tsx";

export type Search = Record<string, string | string[] | undefined>;

/** A parameter's value; of several, the first. */
export function one(search: Search, name: string): string | undefined {
  const value = search[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === "" ? undefined : first;
}

export function isOn(search: Search, name: string): boolean {
  return one(search, name) === "1";
}

/** What a parameter stands for among these; undefined for none of them. */
export function chosen<Choice>(
  search: Search,
  name: string,
  choices: Readonly<Record<string, Choice>>,
): Choice | undefined {
  const value = one(search, name);
  return value !== undefined && Object.hasOwn(choices, value) ? choices[value] : undefined;
}

/** The name in a segment of the path. An unreadable one is an address that does not exist. */
export function named(segment: string): string {
  const name = readSegment(segment);
  if (name === null) notFound();
  return name;
}

/** As `named`, for a parameter that is written like a segment; undefined when it is left out. */
export function namedParam(search: Search, name: string): string | undefined {
  const value = one(search, name);
  return value === undefined ? undefined : (readSegment(value) ?? undefined);
}

/** Rows of a page. The API allows up to 100. */
const PAGE_SIZE = 50;

export interface PageVariables extends Record<string, unknown> {
  first?: number;
  after?: string;
  last?: number;
  before?: string;
}

/** Which page an address means, as a connection's arguments. */
export function pageVariables(search: Search, size = PAGE_SIZE): PageVariables {
  const before = one(search, "before");
  if (before !== undefined) return { last: size, before };
  return { first: size, after: one(search, "after") };
}

export interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

/** Links to the pages beside this one. */
export function pagerLinks(
  info: PageInfo,
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
