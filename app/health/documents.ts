import { graphql } from "../../components/graphql.ts";
import { HEALTH_INTERVAL, POOL_HEALTH, SAMPLING } from "../../components/pools/fragments.ts";

export const HEALTH_PAGE = graphql(
  `
  query HealthPage {
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
  [POOL_HEALTH, HEALTH_INTERVAL, SAMPLING],
);
