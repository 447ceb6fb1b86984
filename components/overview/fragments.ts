import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

/** The variables are of Overview. */
export const OVERVIEW_POOL = graphql(`
  fragment OverviewPool on Pool {
    id
    name
    flavorName
    queueCount {
      value
      exact
    }
    stats {
      oldestReadyAt
    }
    history(
      metrics: [POSTED_RATE, DELIVERED_RATE, DELETED_RATE, OLDEST_READY_SECONDS]
      range: { seconds: $rangeSeconds }
      resolution: $resolution
    ) {
      from
      resolutionSeconds
      series {
        metric
        values
      }
    }
  }
`);
export type OverviewPool = ResultOf<typeof OVERVIEW_POOL>;

/** The variables are of Overview. */
export const BUSY_QUEUE = graphql(`
  fragment BusyQueue on Queue {
    project
    name
    sample {
      ready
      exact
      oldestReadyAt
      rates {
        posted
        deleted
      }
    }
    history(metrics: [READY], range: { seconds: $rangeSeconds }, resolution: $resolution) {
      from
      resolutionSeconds
      series {
        metric
        values
      }
    }
  }
`);
export type BusyQueue = ResultOf<typeof BUSY_QUEUE>;

/** What the probes of a pool found: `healthHistory` has no intervals without samples. */
export const POOL_PROBES = graphql(`
  fragment PoolProbes on Pool {
    name
    healthHistory(since: $since, stepSeconds: $stepSeconds, first: 100) {
      nodes {
        from
        until
        samples
        unreachable
        failing
        p95Ms
      }
    }
  }
`);
export type PoolProbes = ResultOf<typeof POOL_PROBES>;

export const OVERVIEW_JOB = graphql(`
  fragment OverviewJob on Job {
    id
    kind
    project
    targetName
    state
    progress
    total
    actor
    createdAt
    startedAt
    finishedAt
    error {
      message
    }
  }
`);
export type OverviewJob = ResultOf<typeof OVERVIEW_JOB>;
