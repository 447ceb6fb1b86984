import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const CATALOGUE_ROW = graphql(`
  fragment CatalogueRow on CatalogueEntry {
    project
    queueName
    poolName
    epoch
    queue {
      attributes {
        flavor
      }
    }
  }
`);
export type CatalogueRow = ResultOf<typeof CATALOGUE_ROW>;

/** A pool that a queue may be moved or mapped to. */
export const POOL_CHOICE = graphql(`
  fragment PoolChoice on Pool {
    name
    flavorName
  }
`);
export type PoolChoice = ResultOf<typeof POOL_CHOICE>;

/** A row with the pools that its queue can be moved or mapped to. */
export interface MappableRow extends CatalogueRow {
  pools: PoolChoice[];
}
