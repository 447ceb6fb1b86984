import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { POOL_HEALTH, POOL_ROW } from "../../components/pools/fragments.ts";

export const POOLS_PAGE = graphql(
  `
  query PoolsPage($first: Int, $after: String, $last: Int, $before: String) {
    pools(first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...PoolRow
      }
      pageInfo {
        ...PageInfo
      }
    }
    health {
      pools {
        ...PoolHealth
      }
    }
  }
`,
  [POOL_ROW, PAGE_INFO, POOL_HEALTH],
);
