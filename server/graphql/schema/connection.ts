/** Relay's connections over pages that are read by marker. */
import type { InputShapeFromFields, ObjectRef } from "@pothos/core";
import { DomainError } from "../../errors.ts";
import type { PageParams } from "../../operations/input/addresses.ts";
import type { Page } from "../../storage/list-pages.ts";
import { builder } from "./builder.ts";

/** The arguments of every connection. */
export const pageArgs = builder.args((t) => ({
  first: t.field({
    type: "SafeInt",
    description: "How many, forwards. Left out: the default page size. `limits` has both bounds.",
  }),
  after: t.string({ description: "A cursor: begin behind it. It need not exist any more." }),
  last: t.field({
    type: "SafeInt",
    description: "How many, backwards: those just in front of `before`, which it needs.",
  }),
  before: t.string({ description: "A cursor: end in front of it. Only together with `last`." }),
}));
type PageArgs = InputShapeFromFields<typeof pageArgs>;

/** BAD_INPUT for a combination that has no meaning for pages by marker. */
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

/** What a field costs that asks the store by itself, so that a list of many rows with one each is dear. */
export const ASKING_THE_STORE = 5;
/** What a field costs that may keep a request waiting: for another server, a lock, or a long piece of work. */
export const KEEPING_WAITING = 500;

/** What a connection costs: a question, and its rows as many times as the page is long. */
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
  description: "How many there are. Counting stops at a bound, so that no answer has to walk a huge list.",
  fields: (t) => ({
    value: t.expose("value", { type: "SafeInt", description: "The number, or the bound where counting stopped." }),
    exact: t.exposeBoolean("exact", { description: "False: there are at least this many, or about this many." }),
  }),
});

/** A page on its way into a connection. `cursorOf` is null where a marker belongs to a page and not to a row. */
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
  description: "Where a page stands in its list.",
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage", { description: "More follows now. Read on with `after: endCursor`." }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description: "Something stands in front. Read back with `before: startCursor`.",
    }),
    startCursor: t.exposeString("startCursor", { nullable: true, description: "Cursor of the page's first row." }),
    endCursor: t.exposeString("endCursor", {
      nullable: true,
      description: "Cursor of the page's last row. Keep it to read what comes later.",
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
      // Pothos asks of an unknown T whether it might be a list; it is a row.
      node: t.field({ type: node, description: "The row.", resolve: (parent) => parent.node as never }),
      cursor: t.exposeString("cursor", {
        nullable: true,
        description: "Its place in the list. Null where only whole pages have one: then use those of `pageInfo`.",
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
        description: "Where this page stands.",
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
