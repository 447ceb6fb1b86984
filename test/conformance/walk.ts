import type { Page, PageRequest } from "../../server/storage/list-pages.ts";

/**
 * Pages through a list to its end, back from there, and back from its last page, once with each page size. Returns the
 * items, which must be the same every time. Checks the markers too: a page has a next (previous) marker exactly when
 * there is a next (previous) page, and each item has a marker from which the list continues.
 */
export async function walk<T>(list: (page: PageRequest) => Promise<Page<T>>, sizes = [1, 2, 3, 100]): Promise<T[]> {
  let agreed: T[] | undefined;
  for (const limit of sizes) {
    const { items: found, last } = await walkForwards(list, limit);
    const fromEnd = await list({ limit, atEnd: true });
    if (fromEnd.nextMarker !== null) throw new Error("The page at the end names one after it.");
    for (const other of [await walkBackwards(list, limit, last), await walkBackwards(list, limit, fromEnd)]) {
      if (!same(other, found)) throw new Error(`Walks in pages of ${limit} disagree.`);
    }
    if (agreed !== undefined && !same(agreed, found)) throw new Error(`A walk in pages of ${limit} found others.`);
    agreed = found;
  }
  const all = agreed ?? [];
  await checkEachMarker(list, all);
  return all;
}

async function walkForwards<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number) {
  let last = await list({ limit });
  if (last.previousMarker !== null) throw new Error("The first page names one before it.");
  const items = [...last.items];
  while (last.nextMarker !== null) {
    last = await list({ limit, after: last.nextMarker });
    if (last.items.length === 0) throw new Error("A marker led to an empty page.");
    if (last.previousMarker === null) throw new Error("A later page names none before it.");
    items.push(...last.items);
  }
  return { items, last };
}

async function walkBackwards<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number, last: Page<T>) {
  const items = [...last.items];
  let page = last;
  while (page.previousMarker !== null) {
    page = await list({ limit, before: page.previousMarker });
    if (page.items.length === 0) throw new Error("A marker led back to an empty page.");
    if (page.nextMarker === null) throw new Error("An earlier page names none after it.");
    items.unshift(...page.items);
  }
  return items;
}

async function checkEachMarker<T>(list: (page: PageRequest) => Promise<Page<T>>, all: readonly T[]): Promise<void> {
  const { items, markers } = await list({ limit: 10 });
  if (markers.length !== items.length) throw new Error("A page has not one marker for each item.");
  for (const [index, marker] of markers.entries()) {
    const [after, before] = [await list({ limit: 1, after: marker }), await list({ limit: 10, before: marker })];
    if (!same(after.items, all.slice(index + 1, index + 2)))
      throw new Error(`The marker of item ${index} is not its own.`);
    if (!same(before.items, all.slice(0, index))) throw new Error(`The page before item ${index} is another.`);
  }
}

const same = (some: readonly unknown[], others: readonly unknown[]) => JSON.stringify(some) === JSON.stringify(others);
