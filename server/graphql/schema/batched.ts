/** Reads a field of all rows of a list at once. */
import { createContextCache } from "@pothos/core";
import DataLoader from "dataloader";
import type { FieldNode, GraphQLResolveInfo } from "graphql";
import type { GraphQLContext } from "./context.ts";

type Loader = DataLoader<unknown, unknown>;

/**
 * The loader of each selection of a field. The executor collects the fields of a list's rows once, so all rows have the
 * same array of nodes, and no other selection or operation has it. Their arguments are the same too.
 */
const ofSelections = new WeakMap<readonly FieldNode[], Loader>();
/** The loaders of an operation's fields, by the fields' names. */
const ofOperation = createContextCache(() => new Map<string, Loader>());

/**
 * The field's value for `row`. `load` gets rows that are resolved in the same turn, at most MAX_PAGE_SIZE at a time,
 * and returns a value or an error for each, in order.
 *
 * `by` is the field's selection: rows of one selection are read together. A field whose value depends on nothing but
 * the row gives its own name instead, such as "Queue.stats". Then the rows of all its selections are read together,
 * aliases too.
 */
export function batched<Row, Found>(
  context: GraphQLContext,
  by: Pick<GraphQLResolveInfo, "fieldNodes"> | string,
  row: Row,
  load: (rows: readonly Row[]) => Promise<readonly Found[]>,
): Promise<Exclude<Found, Error>> {
  const create = () =>
    // Not cached: the next mutation of an operation may change what the last one showed. Async, because DataLoader
    // replaces what is thrown at once by an error of its own.
    new DataLoader<Row, unknown>(async (rows) => (await load(rows)) as readonly (Found | Error)[], {
      cache: false,
      maxBatchSize: context.limits.MAX_PAGE_SIZE,
    });
  const loader =
    typeof by === "string" ? kept(ofOperation(context), by, create) : kept(ofSelections, by.fieldNodes, create);
  return loader.load(row) as Promise<Exclude<Found, Error>>;
}

function kept<Key>(
  loaders: { get(key: Key): Loader | undefined; set(key: Key, loader: Loader): unknown },
  key: Key,
  create: () => DataLoader<never, unknown>,
): Loader {
  const known = loaders.get(key);
  if (known !== undefined) return known;
  const created = create() as Loader;
  loaders.set(key, created);
  return created;
}
