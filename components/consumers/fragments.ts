import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const CONSUMER_ROW = graphql(`
  fragment ConsumerRow on Consumer {
    name
    actor
    lastSeenAt
    lastClaimAt
    lastEmptyClaimAt
    lastRenewalAt
    stoppedAt
    messagesPerSecond
    minutes {
      messages
    }
    messagesHeld {
      value
      exact
    }
    heldUntil
  }
`);
export type ConsumerRow = ResultOf<typeof CONSUMER_ROW>;
