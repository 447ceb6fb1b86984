/** Relay's connections over pages by marker. */
import type { InputShapeFromFields, ObjectRef } from "@pothos/core";
import { DomainError } from "../../errors.ts";
import type { PageParams } from "../../operations/input/addresses.ts";
import type { Page } from "../../storage/list-pages.ts";
import { builder } from "./builder.ts";

/** The arguments of every connection. */
export const pageArgs = builder.args((t) => ({
  first: t.int({
    description: "How many rows, forwards. Left out: the default page size. `limits` has the maximum.",
  }),
  after: t.string({ description: "A cursor: the page starts after it. Its row need not exist any more." }),
  last: t.int({
    description: "How many rows, backwards: those just before `before`, which is required then.",
  }),
  before: t.string({ description: "A cursor: the page ends before it. Only together with `last`." }),
}));
type PageArgs = InputShapeFromFields<typeof pageArgs>;

/** Converts the arguments of a connection. BAD_INPUT for a combination that pages by marker cannot serve. */
export function pageOf({ first, after, last, before }: PageArgs): NonNullable<PageParams["page"]> {
  if (last === null || last === undefined) {
    if (before !== null && before !== undefined) {
      throw new DomainError("BAD_INPUT", "`before` goes with `last`: say how many come in front of it.");
    }
    return { after, limit: first, limitName: "first" };
  }
  if ((first !== null && first !== undefined) || (after !== null && after !== undefined)) {
    throw new DomainError(
      "BAD_INPUT",
      "Page either forwards with `first` and `after`, or backwards with `last` and `before`.",
    );
  }
  if (before === null || before === undefined) {
    throw new DomainError("BAD_INPUT", "`last` needs `before`: a cursor to go backwards from.");
  }
  return { before, limit: last, limitName: "last" };
}

/** Cost of a field that reads the store for each row, so that a long list of such rows is expensive. */
export const ASKING_THE_STORE = 5;
/** Cost of a field that probes a pool, unless another caller has just done so. */
export const PROBING = 100;
/** Cost of a field that may take long: it waits for another server or a lock, or does much work. */
export const KEEPING_WAITING = 500;

/** Cost of a connection: one read, and its rows times the length of the page. */
export const pageCost = (args: PageArgs) => ({
  field: ASKING_THE_STORE,
  multiplier: args.first ?? args.last ?? 1,
});

/** A number that may be a lower bound. */
export interface Count {
  value: number;
  exact: boolean;
}

export const CountType = builder.objectRef<Count>("Count").implement({
  description: "How many there are. Counting stops at a bound, so that it stays fast for a huge list.",
  fields: (t) => ({
    value: t.expose("value", { type: "SafeInt", description: "The number, or the bound where counting stopped." }),
    exact: t.exposeBoolean("exact", { description: "False: there are at least this many, or about this many." }),
  }),
});

/** A page as the resolvers of a connection see it. `cursorOf` is null if markers belong to pages instead of rows. */
export interface Connection<T> {
  page: Page<T>;
  cursorOf: ((item: T) => string) | null;
  count?: () => Promise<Count>;
}

interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

const PageInfoType = builder.objectRef<PageInfo>("PageInfo").implement({
  description: "The position of a page in its list.",
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage", {
      description: "True: more rows follow. Continue with `after: endCursor`.",
    }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description: "True: rows come before. Go back with `before: startCursor`.",
    }),
    startCursor: t.exposeString("startCursor", { nullable: true, description: "Cursor of the page's first row." }),
    endCursor: t.exposeString("endCursor", {
      nullable: true,
      description: "Cursor of the page's last row. Keep it to read later what follows.",
    }),
  }),
});

function pageInfoOf<T>({ page, cursorOf }: Connection<T>): PageInfo {
  const first = page.items[0];
  const last = page.items.at(-1);
  return {
    hasNextPage: page.nextMarker !== null,
    hasPreviousPage: page.previousMarker !== null,
    startCursor: page.previousMarker ?? (first !== undefined && cursorOf ? cursorOf(first) : null),
    endCursor: page.nextMarker ?? (last !== undefined && cursorOf ? cursorOf(last) : null),
  };
}

/**
 * Declares `<name>Connection` and `<name>Edge`. `countedAs` names what `count` counts; without it there is no count.
 */
export function connectionType<T>(
  name: string,
  node: ObjectRef<typeof builder.$inferSchemaTypes, T, T>,
  rows: string,
  countedAs?: string,
) {
  const edge = builder.objectRef<{ node: T; cursor: string | null }>(`${name}Edge`).implement({
    description: `A row of a list of ${rows}, with its cursor.`,
    fields: (t) => ({
      // The types of Pothos allow for T being a list; it is a row.
      node: t.field({ type: node, description: "The row.", resolve: (parent) => parent.node as never }),
      cursor: t.exposeString("cursor", {
        nullable: true,
        description: "Its cursor. Null in lists where only whole pages have cursors: use those of `pageInfo` then.",
      }),
    }),
  });
  return builder.objectRef<Connection<T>>(`${name}Connection`).implement({
    description: `A page of ${rows}.`,
    fields: (t) => ({
      nodes: t.field({
        type: [node],
        complexity: { field: 0, multiplier: 1 },
        description: "The rows.",
        resolve: (parent) => parent.page.items,
      }),
      edges: t.field({
        type: [edge],
        complexity: { field: 0, multiplier: 1 },
        description: "The rows with their cursors.",
        resolve: ({ page, cursorOf }) =>
          page.items.map((item) => ({ node: item, cursor: cursorOf ? cursorOf(item) : null })),
      }),
      pageInfo: t.field({
        type: PageInfoType,
        complexity: { field: 0, multiplier: 0 },
        description: "The position of this page in the list.",
        resolve: pageInfoOf,
      }),
      ...(countedAs === undefined
        ? {}
        : {
            count: t.field({
              type: CountType,
              nullable: true,
              description: countedAs,
              resolve: (parent) => parent.count?.() ?? null,
            }),
          }),
    }),
  });
}
