import { CATALOGUE_ROW, TARGET_POOL } from "../../../components/catalogue/fragments.ts";
import { PAGE_INFO } from "../../../components/fragments.ts";
import { graphql } from "../../../components/graphql.ts";
import { JOB_ROW } from "../../../components/jobs/fragments.ts";
import { POOL_DETAILS, POOL_HEALTH, POOL_HISTORY, SAMPLING } from "../../../components/pools/fragments.ts";
import { PROBLEM_ROW } from "../../../components/problems/fragments.ts";

export const POOL_PAGE = graphql(
  `
  query PoolPage(
    $name: String!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $since: DateTime
    $stepSeconds: SafeInt
    $byOperation: Boolean!
  ) {
    pool(pool: $name) {
      ...PoolDetails
      ...PoolHistory
      problems {
        ...ProblemRow
      }
      catalogue(first: $first, after: $after, last: $last, before: $before) {
        nodes {
          ...CatalogueRow
        }
        pageInfo {
          ...PageInfo
        }
      }
    }
    pools(first: 100) {
      nodes {
        ...TargetPool
      }
    }
    jobs(kind: DRAIN_POOL, target: $name, first: 1) {
      nodes {
        ...JobRow
      }
    }
    health {
      pools {
        ...PoolHealth
      }
    }
    healthSampling {
      ...Sampling
    }
  }
`,
  [PROBLEM_ROW, POOL_DETAILS, POOL_HISTORY, CATALOGUE_ROW, PAGE_INFO, TARGET_POOL, JOB_ROW, POOL_HEALTH, SAMPLING],
);
