import { POOL_CHOICE } from "../../components/catalogue/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { PROBLEM_GROUP, PROBLEM_ROW } from "../../components/problems/fragments.ts";
import { QUEUE_ROW } from "../../components/queues/fragments.ts";

/** `counts` false: without the statistics, which only the pools know. */
export const QUEUES_PAGE = graphql(
  `
  query QueuesPage(
    $project: String
    $allProjects: Boolean! = false
    $filter: QueueFilter!
    $orderBy: QueueOrder!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $counts: Boolean!
    $bySample: Boolean! = false
  ) {
    queues(
      project: $project
      allProjects: $allProjects
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      nodes {
        ...QueueRow
      }
      pageInfo {
        ...PageInfo
      }
      count {
        value
        exact
      }
      asOf @include(if: $bySample)
    }
    queueSampling @include(if: $bySample) {
      behind {
        poolName
        lastAt
        pool {
          queueCount {
            value
            exact
          }
        }
      }
    }
    pools(first: 100) {
      nodes {
        ...PoolChoice
      }
    }
    problemSummary {
      ...ProblemGroup
    }
  }
`,
  [QUEUE_ROW, PAGE_INFO, POOL_CHOICE, PROBLEM_GROUP],
);

/** The view of the queues with problems. */
export const QUEUE_PROBLEMS = graphql(
  `
  query QueueProblems($filter: ProblemFilter!, $first: Int, $after: String, $last: Int, $before: String) {
    problems(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...ProblemRow
      }
      pageInfo {
        ...PageInfo
      }
    }
    problemSummary {
      ...ProblemGroup
    }
  }
`,
  [PROBLEM_ROW, PROBLEM_GROUP, PAGE_INFO],
);
