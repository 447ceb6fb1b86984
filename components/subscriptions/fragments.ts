import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const SUBSCRIPTION_ROW = graphql(`
  fragment SubscriptionRow on QueueSubscription {
    id
    project
    queueName
    subscriber
    createdAt
    expiresAt
    optionsText
    confirmed
  }
`);
export type SubscriptionRow = ResultOf<typeof SUBSCRIPTION_ROW>;
