import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

/** Whether a pool works, by its last check. Changes only when that does. */
export const POOL_STATE = graphql(`
  fragment PoolState on PoolHealth {
    poolName
    storageReachable
    writesRefused
    operations {
      succeeded
    }
  }
`);
export type PoolStateFacts = ResultOf<typeof POOL_STATE>;

/** The last check of a pool. */
export const POOL_HEALTH = graphql(`
  fragment PoolHealth on PoolHealth {
    poolName
    storageReachable
    writesRefused
    freeBytes
    checkedAt
    operations {
      operation
      succeeded
      durationSeconds
      error
    }
  }
`);
export type PoolHealth = ResultOf<typeof POOL_HEALTH>;

/** What the samples of an interval say about a pool's state. */
export const HEALTH_STEP = graphql(`
  fragment HealthStep on PoolHealthInterval {
    from
    until
    samples
    unreachable
    failing
    errorCode
  }
`);
export type HealthStep = ResultOf<typeof HEALTH_STEP>;

/** The same, and how long its operations took. */
export const HEALTH_INTERVAL = graphql(
  `
  fragment HealthInterval on PoolHealthInterval {
    ...HealthStep
    lastAt
    p50Ms
    p95Ms
  }
`,
  [HEALTH_STEP],
);
export type HealthInterval = ResultOf<typeof HEALTH_INTERVAL>;

export const SAMPLING = graphql(`
  fragment Sampling on HealthSampling {
    everySeconds
    lastAt
    nextAt
  }
`);
export type Sampling = ResultOf<typeof SAMPLING>;

/** The variables are of PoolPage. */
export const POOL_HISTORY = graphql(
  `
  fragment PoolHistory on Pool {
    healthHistory(since: $since, stepSeconds: $stepSeconds, first: 100) {
      nodes {
        ...HealthInterval
        operations @include(if: $byOperation) {
          operation
          failed
          errorCode
          p50Ms
          p95Ms
        }
      }
    }
  }
`,
  [HEALTH_INTERVAL],
);
export type PoolHistoryNode = NonNullable<ResultOf<typeof POOL_HISTORY>["healthHistory"]>["nodes"][number];

/** What the buttons of a pool need. */
export const POOL_FACTS = graphql(`
  fragment PoolFacts on Pool {
    name
    builtIn
    uri
    weight
    flavorName
    optionsText
    queueCount {
      value
      exact
    }
  }
`);
export type PoolFacts = ResultOf<typeof POOL_FACTS>;

export const POOL_ROW = graphql(
  `
  fragment PoolRow on Pool {
    ...PoolFacts
    share
    healthLastHour {
      ...HealthStep
    }
  }
`,
  [POOL_FACTS, HEALTH_STEP],
);
/** `health`: null for a pool that was registered after the last check of all pools began. */
export type PoolRow = ResultOf<typeof POOL_ROW> & { health: PoolHealth | null };

export const POOL_DETAILS = graphql(
  `
  fragment PoolDetails on Pool {
    ...PoolFacts
    capabilities
    createdAt
    updatedAt
    share
    shareNow
  }
`,
  [POOL_FACTS],
);
export type PoolDetails = ResultOf<typeof POOL_DETAILS>;
