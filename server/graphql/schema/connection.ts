/** Relay's connections over pages by marker. Clients get markers as cursors. */
import type { InputShapeFromFields, ObjectRef } from "@pothos/core";
import { DomainError } from "../../errors.ts";
import type { PageParams } from "../../operations/input/addresses.ts";
import type { Page } from "../../storage/list-pages.ts";
import { builder } from "./builder.ts";
import { type ListOrder, readCursor, writeCursor } from "./cursor.ts";

/** The arguments of every connection. */
export const pageArgs = builder.args((t) => ({
  first: t.int({
    description: "How many rows, forwards. Left out: the default page size. `limits` has the maximum.",
  }),
  after: t.string({ description: "A cursor: the page starts after it. Its row need not exist any more." }),
  last: t.int({
    description: "How many rows, backwards: those just before `before`. Without `before`: the last ones of the list.",
  }),
  before: t.string({ description: "A cursor: the page ends before it. Only together with `last`." }),
}));
export type PageArgs = InputShapeFromFields<typeof pageArgs>;

/**
 * Converts the arguments of a connection with this order. BAD_INPUT for a combination that pages by marker cannot
 * serve, and for a text that is no cursor. `read` is for lists that also take other positions than cursors; undefined
 * is the beginning of the list.
 */
export function pageOf(
  { first, after, last, before }: PageArgs,
  order: ListOrder,
  read: (cursor: string, field: string) => string | undefined = (cursor, field) => readCursor(order, cursor, field),
): NonNullable<PageParams["page"]> {
  if (last === null || last === undefined) {
    if (before !== null && before !== undefined) {
      throw new DomainError("BAD_INPUT", "`before` goes with `last`: say how many come in front of it.", {
        details: { field: "before" },
      });
    }
    return { after: optional(after, (cursor) => read(cursor, "after")), limit: first, limitName: "first" };
  }
  if ((first !== null && first !== undefined) || (after !== null && after !== undefined)) {
    throw new DomainError(
      "BAD_INPUT",
      "Page either forwards with `first` and `after`, or backwards with `last` and `before`.",
      { details: { field: "last" } },
    );
  }
  const marker = optional(before, (cursor) => read(cursor, "before"));
  return { ...(marker === undefined ? { atEnd: true } : { before: marker }), limit: last, limitName: "last" };
}

function optional(
  value: string | null | undefined,
  convert: (value: string) => string | undefined,
): string | undefined {
  return value === null || value === undefined ? undefined : convert(value);
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

/** A page as the resolvers of a connection see it. `order`: that of its cursors. */
export interface Connection<T> {
  page: Page<T>;
  order: ListOrder;
  count?: () => Promise<Count>;
}

const cursorOrNull = (order: ListOrder, marker: string | null | undefined) =>
  marker === null || marker === undefined ? null : writeCursor(order, marker);

const PageInfoType = builder.objectRef<Pick<Connection<unknown>, "page" | "order">>("PageInfo").implement({
  description: "The position of a page in its list.",
  fields: (t) => ({
    hasNextPage: t.boolean({
      description: "True: more rows follow. Continue with `after: endCursor`.",
      resolve: ({ page }) => page.nextMarker !== null,
    }),
    hasPreviousPage: t.boolean({
      description: "True: rows come before. Go back with `before: startCursor`.",
      resolve: ({ page }) => page.previousMarker !== null,
    }),
    startCursor: t.string({
      nullable: true,
      description: "Cursor of the page's first row. Null only on a page without rows.",
      resolve: ({ page, order }) => cursorOrNull(order, page.previousMarker ?? page.markers[0]),
    }),
    endCursor: t.string({
      nullable: true,
      description:
        "Cursor of the page's last row. Null only on a page without rows. Keep it to read later what follows.",
      resolve: ({ page, order }) => cursorOrNull(order, page.nextMarker ?? page.markers.at(-1)),
    }),
  }),
});

/**
 * Declares `<name>Connection` and `<name>Edge`. `countedAs` names what `count` counts; without it there is no count.
 */
export function connectionType<T>(
  name: string,
  node: ObjectRef<typeof builder.$inferSchemaTypes, T, T>,
  rows: string,
  countedAs?: string,
) {
  const edge = builder.objectRef<{ node: T; order: ListOrder; marker: string }>(`${name}Edge`).implement({
    description: `A row of a list of ${rows}, with its cursor.`,
    fields: (t) => ({
      // The types of Pothos allow for T being a list; it is a row.
      node: t.field({ type: node, description: "The row.", resolve: (parent) => parent.node as never }),
      cursor: t.string({
        description: "Its cursor: a text for `after` and `before` of this list, and for nothing else.",
        resolve: ({ order, marker }) => writeCursor(order, marker),
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
        resolve: ({ page: { items, markers }, order }) =>
          items.map((node, index) => ({ node, order, marker: markers[index] as string })),
      }),
      pageInfo: t.field({
        type: PageInfoType,
        complexity: { field: 0, multiplier: 0 },
        description: "The position of this page in the list.",
        resolve: (parent) => parent,
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
