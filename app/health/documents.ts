import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { HEALTH_INTERVAL, POOL_HEALTH, SAMPLING } from "../../components/pools/fragments.ts";
import { PROBLEM_GROUP, PROBLEM_ROW } from "../../components/problems/fragments.ts";

/** `filter`: which of the problems, those of pools and jobs. */
export const HEALTH_PAGE = graphql(
  `
  query HealthPage($filter: ProblemFilter!, $first: Int, $after: String, $last: Int, $before: String) {
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
    health {
      status
      warnings
      control {
        reachable
        durationSeconds
      }
      pools {
        ...PoolHealth
        healthLastHour {
          ...HealthInterval
        }
      }
      gc {
        at
        durationSeconds
        collected {
          messages
          claims
          subscriptions
          queues
        }
      }
    }
    healthSampling {
      ...Sampling
    }
    limits {
      minMessageTtlSeconds
      maxMessageTtlSeconds
      defaultMessageTtlSeconds
      maxMessageDelaySeconds
      minClaimTtlSeconds
      maxClaimTtlSeconds
      defaultClaimTtlSeconds
      minClaimGraceSeconds
      maxClaimGraceSeconds
      defaultClaimGraceSeconds
      maxMessagesPerPost
      maxMessagesPostBytes
      maxQueueMetadataBytes
      maxQueueNameLength
      maxJsonDepth
      maxPageSize
      maxRequestBytes
    }
  }
`,
  [POOL_HEALTH, HEALTH_INTERVAL, SAMPLING, PROBLEM_ROW, PROBLEM_GROUP, PAGE_INFO],
);
