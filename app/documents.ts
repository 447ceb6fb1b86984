import { graphql } from "../components/graphql.ts";
import { POOL_HEALTH } from "../components/pools/fragments.ts";
import { BUSY_QUEUE, POOL_RATES, QUEUE_ROW } from "../components/queues/fragments.ts";

export const OVERVIEW = graphql(
  `
  query Overview($counts: Boolean! = true) {
    health {
      status
      warnings
      control {
        reachable
        durationSeconds
      }
      pools {
        ...PoolHealth
      }
      gc {
        at
        collected {
          messages
        }
      }
    }
    pools(first: 100) {
      nodes {
        name
        queueCount {
          value
          exact
        }
        ...PoolRates
      }
    }
    busiest: queues(allProjects: true, orderBy: { field: RATE, direction: DESC }, first: 8) {
      nodes {
        ...BusyQueue
      }
    }
    queues(allProjects: true, orderBy: { field: CREATED_AT, direction: DESC }, first: 20) {
      count {
        value
        exact
      }
      nodes {
        ...QueueRow
      }
    }
  }
`,
  [POOL_HEALTH, POOL_RATES, BUSY_QUEUE, QUEUE_ROW],
);
