import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const MESSAGE_LIFE = graphql(`
  fragment MessageLifeFacts on MessageLife {
    keptSince
    isComplete
    events {
      kind
      at
      queueName
      otherQueueName
      clientId
      actor
      claimId
      until
      deliveries
    }
  }
`);
export type MessageLifeFacts = ResultOf<typeof MESSAGE_LIFE>;
export type LifeEvent = MessageLifeFacts["events"][number];
