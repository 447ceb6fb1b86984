/** Reads a field of all rows of a list at once. */
import DataLoader from "dataloader";
import type { FieldNode, GraphQLResolveInfo } from "graphql";
import type { GraphQLContext } from "./context.ts";

/**
 * The loader of each selection of a field. The executor collects the fields of a list's rows once, so all rows have the
 * same array of nodes, and no other selection or operation has it. Their arguments are the same too.
 */
const loaders = new WeakMap<readonly FieldNode[], DataLoader<unknown, unknown>>();

/**
 * The field's value for `row`. `load` gets the rows of the list that are resolved in the same turn, at most
 * MAX_PAGE_SIZE at a time, and returns a value or an error for each, in order.
 */
export function batched<Row, Found>(
  { limits }: Pick<GraphQLContext, "limits">,
  { fieldNodes }: Pick<GraphQLResolveInfo, "fieldNodes">,
  row: Row,
  load: (rows: readonly Row[]) => Promise<readonly Found[]>,
): Promise<Exclude<Found, Error>> {
  let loader = loaders.get(fieldNodes) as DataLoader<Row, Exclude<Found, Error>> | undefined;
  if (loader === undefined) {
    // Async, because DataLoader replaces what is thrown at once by an error of its own.
    const loadAll = async (rows: readonly Row[]) => (await load(rows)) as (Exclude<Found, Error> | Error)[];
    loader = new DataLoader(loadAll, {
      cache: false,
      maxBatchSize: limits.MAX_PAGE_SIZE,
    });
    loaders.set(fieldNodes, loader as DataLoader<unknown, unknown>);
  }
  return loader.load(row);
}
