import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const STORE_ROW = graphql(`
  fragment StoreRow on KeyValueStore {
    name
    backingStore
    internal
    count {
      value
      exact
    }
  }
`);
export type StoreRow = ResultOf<typeof STORE_ROW>;

export const KEY_ROW = graphql(`
  fragment KeyRow on KeyValueKey {
    key
    expiresAt
  }
`);
/** `internal`: the store is Isimud's own. Nobody may see or change its values. */
export type KeyRow = ResultOf<typeof KEY_ROW> & { store: string; internal: boolean };

export const LOCK_ROW = graphql(`
  fragment LockRow on KeyValueLock {
    storeName
    key
    holder
    fence
    expiresAt
  }
`);
export type LockRow = ResultOf<typeof LOCK_ROW>;
