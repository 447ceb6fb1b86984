/** How keys, values and locks lead to their store. */
import type { ObjectRef } from "@pothos/core";
import type { StoreRecord } from "../operations/key-value-stores/stores.ts";
import { builder } from "./schema/builder.ts";
import { followReferences } from "./schema/references.ts";

export const StoreType = builder.objectRef<StoreRecord>("KeyValueStore");

const followStore = followReferences<{ name: string }, StoreRecord>("KeyValueStore", (stores, { access, operations }) =>
  operations.keyValueStores.getMany(access, { stores: stores.map(({ name }) => name) }),
);

/** Adds the store to a type of things that are in one. */
export function addStore<T extends { store: string }>(type: ObjectRef<typeof builder.$inferSchemaTypes, T, T>): void {
  builder.objectFields(type, (t) => ({
    storeName: t.string({ description: "The store's name.", resolve: ({ store }) => store }),
    store: t.field({
      type: StoreType,
      nullable: true,
      description:
        "The store; null when it is gone. Its id and name are known; anything else of it is read, for all rows of a list with one statement.",
      resolve: ({ store: name }, _args, context, info) => followStore({ name }, context, info),
    }),
  }));
}
