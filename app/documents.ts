import { graphql } from "../components/graphql.ts";
import { POOL_HEALTH } from "../components/pools/fragments.ts";
import { QUEUE_ROW } from "../components/queues/fragments.ts";

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
  [POOL_HEALTH, QUEUE_ROW],
);
