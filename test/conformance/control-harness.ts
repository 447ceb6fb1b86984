import { randomUUID } from "node:crypto";
import type { ControlDriver } from "../../server/storage/control-driver.ts";
import type { Page, PageRequest } from "../../server/storage/list-pages.ts";

/** A control driver under test, alone on its store. Every control suite runs on every driver through this. */
export interface ControlDriverHarness {
  driver: ControlDriver;
  /** A second driver on the same store, as another process would have it. */
  neighbour: ControlDriver;
  /** The URI of the store itself, which is the built-in pool. */
  defaultPoolUri: string;
  /** The identity of the store, as a data driver on it reports it. */
  ownIdentity(): Promise<string>;
  /** Everything that is stored, as text, to look for secrets in. */
  storedText(): Promise<string>;
  close(): Promise<void>;
}

export type OpenControlDriver = () => Promise<ControlDriverHarness>;

export const unique = (prefix: string) => `${prefix}-${randomUUID().slice(0, 18)}`;

/** Names in the order of their bytes, which is what lists promise; JavaScript's own order differs beyond U+FFFF. */
export const inByteOrder = (names: readonly string[]) =>
  [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/**
 * Pages through a list to its end and back, once with each page size. Returns the items, which must be the same every
 * time. Checks the markers too: a page has a next (previous) marker exactly when there is a next (previous) page.
 */
export async function walk<T>(list: (page: PageRequest) => Promise<Page<T>>, sizes = [1, 2, 3, 100]): Promise<T[]> {
  let agreed: T[] | undefined;
  for (const limit of sizes) {
    const forwards: T[][] = [];
    let page = await list({ limit });
    if (page.previousMarker !== null) throw new Error("The first page names one before it.");
    forwards.push(page.items);
    while (page.nextMarker !== null) {
      page = await list({ limit, after: page.nextMarker });
      if (page.items.length === 0) throw new Error("A marker led to an empty page.");
      if (page.previousMarker === null) throw new Error("A later page names none before it.");
      forwards.push(page.items);
    }
    const backwards: T[][] = [page.items];
    while (page.previousMarker !== null) {
      page = await list({ limit, before: page.previousMarker });
      if (page.items.length === 0) throw new Error("A marker led back to an empty page.");
      if (page.nextMarker === null) throw new Error("An earlier page names none after it.");
      backwards.unshift(page.items);
    }
    const found = forwards.flat();
    for (const other of [backwards.flat(), agreed ?? found]) {
      if (JSON.stringify(other) !== JSON.stringify(found)) throw new Error(`Walks in pages of ${limit} disagree.`);
    }
    agreed = found;
  }
  return agreed ?? [];
}
