/** The GraphQL documents that commands send. A service with TRUSTED_DOCUMENTS=on runs them too. */
import { graphql } from "../../clients/typescript/documents.ts";

export const IMPORT_SETTINGS = graphql(`
  mutation ImportSettings($input: ImportSettingsInput!) {
    importSettings(input: $input) {
      changes { kind project name action beforeText afterText done error { code message } }
      unchanged
    }
  }
`);

export const LIMITS = graphql(`
  query CommandLimits { limits { maxPageSize maxMessagesPerPost maxMessagesPostBytes } }
`);

export const POOL = graphql(`
  query CommandPool($pool: String!) { pool(pool: $pool) { name } }
`);

export const QUEUES = graphql(`
  query ListQueues(
    $project: String, $allProjects: Boolean!, $filter: QueueFilter, $orderBy: QueueOrder!, $first: Int!, $after: String
  ) {
    queues(
      project: $project, allProjects: $allProjects, filter: $filter, orderBy: $orderBy, first: $first, after: $after
    ) {
      nodes {
        project
        name
        catalogueEntry { poolName }
        stats { ready claimed delayed exhausted total }
        sample { oldestReadyAt }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const POST_MESSAGES = graphql(`
  mutation PostFromCommand($input: PostMessagesInput!) { postMessages(input: $input) { ids } }
`);

export const TAIL = graphql(`
  subscription Tail($project: String, $queue: String!, $after: String) {
    messagePosted(project: $project, queue: $queue, after: $after) {
      id marker createdAt expiresAt delayedUntil clientId bodyText bodyVisibility headers { name value }
    }
  }
`);

export const DRAIN_POOL = graphql(`
  mutation DrainFromCommand($input: DrainPoolInput!) {
    drainPool(input: $input) { job { id state progress total createdAt } }
  }
`);

export const JOB = graphql(`
  query FollowedJob($id: ID!) {
    job(id: $id) {
      id state progress total rate waitingFor isHeld cancelRequested createdAt finishedAt resultText
      error { code message }
    }
  }
`);

export const POOL_TO_DRAIN = graphql(`
  query PoolToDrain($pool: String!, $first: Int!, $after: String) {
    pool(pool: $pool) {
      flavorName
      catalogue(first: $first, after: $after) {
        nodes { queueName project queue { attributes { flavor } stats { total } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const PLACEMENT_WITHOUT = graphql(`
  query PlacementWithout($flavor: String, $weights: [PoolWeightInput!]) {
    poolPlacement(flavor: $flavor, weights: $weights) { poolName share }
  }
`);
