/** One document a tab. What the queue's pool has is null, beside its error, when the pool fails. */
import { TARGET_POOL } from "@/components/catalogue/fragments.ts";
import { CLAIM_DETAIL, CLAIM_ROW } from "@/components/claims/fragments.ts";
import { CONSUMER_ROW } from "@/components/consumers/fragments.ts";
import { PAGE_INFO } from "@/components/fragments.ts";
import { graphql } from "@/components/graphql.ts";
import { MESSAGE_DETAIL, MESSAGE_LIFE, MESSAGE_ROW } from "@/components/messages/fragments.ts";
import {
  QUEUE_CONSUMERS,
  QUEUE_DEPTH,
  QUEUE_EVENT,
  QUEUE_EXPLANATION,
  QUEUE_FRAME,
  QUEUE_HISTORY,
  QUEUE_SETTINGS,
  QUEUE_STATISTICS,
} from "@/components/queues/fragments.ts";
import { SUBSCRIPTION_ROW } from "@/components/subscriptions/fragments.ts";

/**
 * `list`: a page of the queue. `jump`: what was posted before or after a time. `open`: also the one message with the id
 * `message`.
 */
export const MESSAGES_PAGE = graphql(
  `
  query MessagesPage(
    $project: String
    $queue: String!
    $list: Boolean!
    $includeOthers: Boolean!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $jump: Boolean!
    $filter: MessageFilter
    $direction: OrderDirection!
    $found: Int
    $examine: SafeInt
    $open: Boolean!
    $message: ID!
  ) {
    queue(project: $project, queue: $queue) {
      ...QueueFrame
      messages(
        includeClaimed: $includeOthers
        includeDelayed: $includeOthers
        includeExhausted: $includeOthers
        first: $first
        after: $after
        last: $last
        before: $before
      ) @include(if: $list) {
        nodes {
          ...MessageRow
        }
        pageInfo {
          ...PageInfo
        }
      }
      messageSearch(filter: $filter, direction: $direction, first: $found, examine: $examine) @include(if: $jump) {
        nodes {
          ...MessageRow
        }
        done
      }
      message(id: $message) @include(if: $open) {
        ...MessageDetail
      }
      messageLife(id: $message) @include(if: $open) {
        ...MessageLifeFacts
      }
    }
    pools(first: 100) {
      nodes {
        ...TargetPool
      }
    }
  }
`,
  [QUEUE_FRAME, MESSAGE_ROW, PAGE_INFO, MESSAGE_DETAIL, MESSAGE_LIFE, TARGET_POOL],
);

/** The message that turned out to be the first or the last of a page. */
export const OPEN_MESSAGE = graphql(
  `
  query OpenMessage($project: String, $queue: String!, $message: ID!) {
    queue(project: $project, queue: $queue) {
      message(id: $message) {
        ...MessageDetail
      }
      messageLife(id: $message) {
        ...MessageLifeFacts
      }
    }
  }
`,
  [MESSAGE_DETAIL, MESSAGE_LIFE],
);

/** `open`: also the one claim with the id `claim`. */
export const CLAIMS_PAGE = graphql(
  `
  query ClaimsPage(
    $project: String
    $queue: String!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $open: Boolean!
    $claim: ID!
  ) {
    queue(project: $project, queue: $queue) {
      ...QueueFrame
      claims(first: $first, after: $after, last: $last, before: $before) {
        nodes {
          ...ClaimRow
        }
        pageInfo {
          ...PageInfo
        }
      }
      consumers(first: 50) {
        nodes {
          ...ConsumerRow
        }
      }
      claim(claimId: $claim) @include(if: $open) {
        ...ClaimDetail
      }
    }
  }
`,
  [QUEUE_FRAME, CLAIM_ROW, PAGE_INFO, CONSUMER_ROW, CLAIM_DETAIL],
);

export const SUBSCRIPTIONS_PAGE = graphql(
  `
  query SubscriptionsPage(
    $project: String
    $queue: String!
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    queue(project: $project, queue: $queue) {
      ...QueueFrame
      subscriptions(first: $first, after: $after, last: $last, before: $before) {
        nodes {
          ...SubscriptionRow
        }
        pageInfo {
          ...PageInfo
        }
      }
    }
  }
`,
  [QUEUE_FRAME, SUBSCRIPTION_ROW, PAGE_INFO],
);

export const STATISTICS_PAGE = graphql(
  `
  query StatisticsPage($project: String, $queue: String!, $rangeSeconds: SafeInt!, $resolution: SampleResolution!) {
    queue(project: $project, queue: $queue) {
      ...QueueFrame
      ...QueueStatistics
      ...QueueHistory
    }
  }
`,
  [QUEUE_FRAME, QUEUE_STATISTICS, QUEUE_HISTORY],
);

export const SETTINGS_PAGE = graphql(
  `
  query SettingsPage($project: String, $queue: String!) {
    queue(project: $project, queue: $queue) {
      ...QueueFrame
      ...QueueSettings
    }
  }
`,
  [QUEUE_FRAME, QUEUE_SETTINGS],
);

/** Above the messages: why they wait, and the last hour. */
export const QUEUE_NOW = graphql(
  `
  query QueueNow($project: String, $queue: String!, $rangeSeconds: SafeInt!, $resolution: SampleResolution!) {
    queue(project: $project, queue: $queue) {
      catalogueEntry {
        poolName
      }
      ...QueueExplanationFacts
      ...QueueDepth
      ...QueueConsumers
    }
    auditEntries(project: $project, target: $queue, first: 20) {
      nodes {
        ...QueueEvent
      }
    }
  }
`,
  [QUEUE_EXPLANATION, QUEUE_DEPTH, QUEUE_CONSUMERS, QUEUE_EVENT],
);
