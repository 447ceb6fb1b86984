/** Fields that lead from one thing to another of which only the name is known: from a message to its queue. */
import { createContextCache } from "@pothos/core";
import DataLoader from "dataloader";
import type { GraphQLResolveInfo } from "graphql";
import type { GraphQLContext } from "./context.ts";
import { selectsMoreThan } from "./selections.ts";

/** What a reference knows by itself. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["__typename", "id", "name", "project"]);

/** What a reference says of the thing that it leads to. */
interface Named {
  project?: string;
  name: string;
}

/** Resolves a reference to what it names, or to null when that is gone. */
export type Follow<Ref, Parent> = (
  ref: Ref,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
) => Parent | Promise<Parent | null>;

/**
 * A resolver for references to the type `typeName`. A selection of nothing but id, name and project reads nothing, so
 * it also shows what is gone. For any other selection the record is read: `load` gets the references of one operation
 * that are read at the same time, each once and at most MAX_PAGE_SIZE, and returns what they name in the same order,
 * null for what is gone.
 *
 * Declare such a field nullable: then a read that fails costs this field, and never the messages that were taken from a
 * queue around it.
 */
export function followReferences<Ref extends Named, Parent extends Ref>(
  typeName: string,
  load: (refs: readonly Ref[], context: GraphQLContext) => Promise<readonly (Parent | null)[]>,
): Follow<Ref, Parent> {
  const loaderOf = createContextCache(
    (context: GraphQLContext) =>
      new DataLoader<Ref, Parent | null>((refs) => loadEachOnce(refs, (distinct) => load(distinct, context)), {
        // The next mutation of an operation may change what the last one showed.
        cache: false,
        maxBatchSize: context.limits.MAX_PAGE_SIZE,
      }),
  );
  return (ref, context, info) =>
    // The cast holds because nothing but the known fields is selected.
    selectsMoreThan(KNOWN_FIELDS, typeName, info) ? loaderOf(context).load(ref) : (ref as Parent);
}

async function loadEachOnce<Ref extends Named, Parent>(
  refs: readonly Ref[],
  load: (distinct: readonly Ref[]) => Promise<readonly (Parent | null)[]>,
): Promise<(Parent | null)[]> {
  const distinct = new Map(refs.map((ref) => [keyOf(ref), ref]));
  const loaded = await load([...distinct.values()]);
  const found = new Map(Array.from(distinct.keys(), (key, index) => [key, loaded[index] ?? null]));
  return refs.map((ref) => found.get(keyOf(ref)) ?? null);
}

function keyOf({ project, name }: Named): string {
  return JSON.stringify([project, name]);
}
