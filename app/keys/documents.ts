import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { KEY_ROW, LOCK_ROW, STORE_ROW } from "../../components/keys/fragments.ts";

/** `withKeys`: also the keys of `store`. */
export const KEYS_PAGE = graphql(
  `
  query KeysPage(
    $withKeys: Boolean!
    $store: String!
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    keyValueStores(first: 100) {
      nodes {
        ...StoreRow
      }
    }
    keyValueKeys(store: $store, first: $first, after: $after, last: $last, before: $before) @include(if: $withKeys) {
      nodes {
        ...KeyRow
      }
      pageInfo {
        ...PageInfo
      }
    }
    keyValueLocks(first: 50) {
      nodes {
        ...LockRow
      }
    }
  }
`,
  [STORE_ROW, KEY_ROW, PAGE_INFO, LOCK_ROW],
);
