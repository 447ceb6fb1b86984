import { READ_ONLY_FACTS, VIEWER_FACTS } from "../components/access/fragments.ts";
import { graphql } from "../components/graphql.ts";
import { BUSY_QUEUE, OVERVIEW_JOB, OVERVIEW_POOL, POOL_PROBES } from "../components/overview/fragments.ts";
import { PAUSE_FACTS } from "../components/pauses/fragments.ts";
import { POOL_STATE } from "../components/pools/fragments.ts";
import { PROBLEM_GROUP, WORST_OF_GROUP } from "../components/problems/fragments.ts";

export const OVERVIEW = graphql(
  `
  query Overview($rangeSeconds: SafeInt!, $resolution: SampleResolution!) {
    problemSummary {
      ...WorstOfGroup
    }
    health {
      pools {
        ...PoolState
      }
    }
    pools(first: 100) {
      nodes {
        ...OverviewPool
      }
    }
    busiest: queues(allProjects: true, orderBy: { field: RATE, direction: DESC }, first: 8) {
      nodes {
        ...BusyQueue
      }
      count {
        value
        exact
      }
    }
    longest: queues(allProjects: true, orderBy: { field: OLDEST_READY, direction: ASC }, first: 1) {
      nodes {
        project
        name
        sample {
          oldestReadyAt
        }
      }
    }
    jobs(first: 5) {
      nodes {
        ...OverviewJob
      }
    }
  }
`,
  [WORST_OF_GROUP, POOL_STATE, OVERVIEW_POOL, BUSY_QUEUE, OVERVIEW_JOB],
);

/** Of the first pools only: of all of them it would cost too much. */
export const OVERVIEW_PROBES = graphql(
  `
  query OverviewProbes($since: DateTime!, $stepSeconds: SafeInt!) {
    pools(first: 12) {
      nodes {
        ...PoolProbes
      }
    }
  }
`,
  [POOL_PROBES],
);

/** For the navigation of every page: what is beside the names. */
export const NAVIGATION = graphql(
  `
  query Navigation {
    problemSummary {
      ...ProblemGroup
    }
    queues(allProjects: true, first: 1) {
      count {
        value
        exact
      }
    }
    pools(first: 100) {
      nodes {
        stats {
          claimed
          exact
        }
      }
    }
  }
`,
  [PROBLEM_GROUP],
);

export const PAUSES = graphql(
  `
  query Pauses {
    pauses {
      ...PauseFacts
    }
  }
`,
  [PAUSE_FACTS],
);

/** For every page: who looks at it, what is refused to them, and whether anything can be changed. */
export const VIEWER = graphql(
  `
  query Viewer {
    viewer {
      ...ViewerFacts
      can {
        mutation
        allowed
        reason
        projects
      }
    }
    readOnly {
      ...ReadOnlyFacts
    }
  }
`,
  [VIEWER_FACTS, READ_ONLY_FACTS],
);
