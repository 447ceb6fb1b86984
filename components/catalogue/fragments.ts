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

/** A pool that a list can be filtered by. */
export const POOL_CHOICE = graphql(`
  fragment PoolChoice on Pool {
    name
    flavorName
  }
`);

/** A pool that a queue may be moved or mapped to, and what is wrong with it. */
export const TARGET_POOL = graphql(
  `
  fragment TargetPool on Pool {
    ...PoolChoice
    problems {
      kind
    }
  }
`,
  [POOL_CHOICE],
);
export type TargetPool = ResultOf<typeof TARGET_POOL>;

/** A queue with the pools that it may move to. */
export type MovableQueue = Omit<MappableRow, "epoch">;

/** A row with the pools that its queue can be moved or mapped to. */
export interface MappableRow extends CatalogueRow {
  pools: TargetPool[];
}
