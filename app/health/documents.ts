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
        seconds
      }
      pools {
        ...PoolHealth
        healthLastHour {
          ...HealthInterval
        }
      }
      gc {
        at
        seconds
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
      minMessageTtl
      maxMessageTtl
      defaultMessageTtl
      maxMessageDelay
      minClaimTtl
      maxClaimTtl
      defaultClaimTtl
      minClaimGrace
      maxClaimGrace
      defaultClaimGrace
      maxMessagesPerPost
      maxMessagesPostSize
      maxQueueMetadata
      maxQueueNameLength
      maxJsonDepth
      maxPageSize
      maxRequestSize
    }
  }
`,
  [POOL_HEALTH, HEALTH_INTERVAL, SAMPLING],
);
