import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const MESSAGE_ROW = graphql(`
  fragment MessageRow on Message {
    id
    bodyText
    createdAt
    expiresAt
    delayedUntil
    claimCount
    state
    claim {
      id
      expiresAt
    }
  }
`);
/** Without its body: a page of whole bodies could be a hundred megabytes. */
export type MessageRow = Omit<ResultOf<typeof MESSAGE_ROW>, "bodyText"> & {
  /** The address that opens it. */
  href: string;
  /** The beginning of the body. */
  preview: string;
  /** Size of the body. */
  bytes: number;
};

export const MESSAGE_DETAIL = graphql(
  `
  fragment MessageDetail on Message {
    ...MessageRow
    marker
    ttlSeconds
    clientId
    headers {
      name
      value
    }
    deadLettered {
      queueName
      at
      deliveries
      clientId
      claimId
    }
  }
`,
  [MESSAGE_ROW],
);
export type MessageDetail = ResultOf<typeof MESSAGE_DETAIL>;
