import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";
import { PAUSE_FACTS } from "../pauses/fragments.ts";
import { OPEN_UNDO } from "../undo/fragments.ts";

/** The variable is of QueuesPage: false leaves out what every pool has to be asked for. */
export const QUEUE_ROW = graphql(`
  fragment QueueRow on Queue {
    project
    name
    createdAt
    stats @include(if: $counts) {
      ready
      claimed
      delayed
      exhausted
      total
      exact
    }
    catalogueEntry {
      poolName
    }
    sample {
      oldestReadyAt
      rates {
        posted
        delivered
      }
    }
    pause {
      at
    }
    problems {
      kind
      severity
      since
      sinceFound
    }
    history(metrics: [READY], range: { seconds: 3600 }, resolution: MINUTE) {
      series {
        values
      }
    }
  }
`);
/**
 * `stats`: left out while the pools are still being asked; null when its pool does not answer, or it has none.
 * `catalogueEntry`: null when no pool holds it. `sample`, `history`: null before its first sample.
 */
export type QueueRow = ResultOf<typeof QUEUE_ROW>;

/** Shown instead of its content when its pool does not answer. */
export const QUEUE_WITHOUT_POOL = graphql(`
  fragment QueueWithoutPool on Queue {
    createdAt
    updatedAt
    metadataText
    attributes {
      flavor
    }
    catalogueEntry {
      poolName
    }
  }
`);
export type QueueWithoutPoolFacts = ResultOf<typeof QUEUE_WITHOUT_POOL>;

/** What stands above every tab of a queue. */
export const QUEUE_FRAME = graphql(
  `
  fragment QueueFrame on Queue {
    ...QueueWithoutPool
    pause {
      ...PauseFacts
    }
    deadLetterQueueMissing
    deadLetterQueue {
      name
      sample {
        total
        exact
      }
    }
    deadLetterSources
    attributes {
      deadLetterQueue
      maxClaimCount
    }
    stats {
      ready
      claimed
      delayed
      exhausted
      exact
    }
    undo {
      ...OpenUndo
    }
  }
`,
  [QUEUE_WITHOUT_POOL, PAUSE_FACTS, OPEN_UNDO],
);
export type QueueFrameFacts = ResultOf<typeof QUEUE_FRAME>;

export const QUEUE_STATISTICS = graphql(`
  fragment QueueStatistics on Queue {
    createdAt
    updatedAt
    catalogueEntry {
      poolName
    }
    stats {
      ready
      claimed
      delayed
      exhausted
      total
      exact
      oldest {
        id
        createdAt
      }
      newest {
        id
        createdAt
      }
      totals {
        posted
        claimed
        delivered
        released
        lapsed
        deleted
        expired
        deadLettered
        moved
      }
    }
  }
`);
export type QueueStatisticsFacts = ResultOf<typeof QUEUE_STATISTICS>;

/** The variables are of StatisticsPage. */
export const QUEUE_HISTORY = graphql(`
  fragment QueueHistory on Queue {
    sample {
      asOf
      ready
      claimed
      delayed
      exhausted
      exact
      oldestReadyAt
      rates {
        posted
        delivered
        deleted
        expired
        deadLettered
        moved
      }
    }
    history(
      metrics: [
        READY
        CLAIMED
        DELAYED
        EXHAUSTED
        POSTED_RATE
        DELIVERED_RATE
        DELETED_RATE
        OLDEST_READY_SECONDS
      ]
      range: { seconds: $rangeSeconds }
      resolution: $resolution
    ) {
      from
      until
      resolutionSeconds
      series {
        metric
        values
      }
    }
  }
`);
export type QueueHistoryFacts = ResultOf<typeof QUEUE_HISTORY>;

export const QUEUE_SETTINGS = graphql(`
  fragment QueueSettings on Queue {
    metadataText
    storedAttributes
    attributes {
      defaultMessageTtlSeconds
      defaultMessageDelaySeconds
      maxMessagesPostBytes
      maxClaimCount
      deadLetterQueue
      deadLetterQueueMessagesTtlSeconds
      enableEncryptMessages
      flavor
      historySeconds
      stuckSeconds
      growingPercent
      lapsingPercent
      consumerGoneSeconds
      deadLettersArriving
      metrics
    }
  }
`);
export type QueueSettingsFacts = ResultOf<typeof QUEUE_SETTINGS>;

/** Of a deck's rows. The variables are of QueueNow. */
export const QUEUE_DEPTH = graphql(`
  fragment QueueDepth on Queue {
    sample {
      ready
      claimed
      delayed
      exhausted
      exact
      oldestReadyAt
      rates {
        posted
        delivered
        deleted
        expired
        deadLettered
        moved
      }
    }
    history(
      metrics: [READY, POSTED_RATE, DELIVERED_RATE, DELETED_RATE]
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
/** Both null before the first sample. */
export type QueueDepthFacts = ResultOf<typeof QUEUE_DEPTH>;

export const QUEUE_CONSUMERS = graphql(`
  fragment QueueConsumers on Queue {
    consumers(first: 8) {
      nodes {
        name
        lastClaimAt
        lastSeenAt
        messagesPerSecond
        stoppedAt
        heldUntil
        messagesHeld {
          value
          exact
        }
        minutes {
          from
          messages
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);
export type ConsumerRow = NonNullable<ResultOf<typeof QUEUE_CONSUMERS>["consumers"]>["nodes"][number];

export const QUEUE_EXPLANATION = graphql(`
  fragment QueueExplanationFacts on Queue {
    explanation {
      reasons {
        kind
        severity
        text
        since
        runbook
        fix
        deadLetterQueueName
        claimIds
        problem {
          poolName
          job {
            id
            kind
            project
            targetName
            inputText
          }
        }
      }
      ruledOut
    }
  }
`);
export type ExplanationFacts = NonNullable<ResultOf<typeof QUEUE_EXPLANATION>["explanation"]>;

export const QUEUE_EVENT = graphql(`
  fragment QueueEvent on AuditEntry {
    id
    at
    actor
    action
    outcome
  }
`);
export type QueueEvent = ResultOf<typeof QUEUE_EVENT>;
