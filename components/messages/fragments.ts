import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";
import type { Header } from "./headers-text.ts";

export const MESSAGE_ROW = graphql(`
  fragment MessageRow on Message {
    id
    marker
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
    deadLettered {
      queueName
      at
      deliveries
      clientId
      claimId
    }
  }
`);
/** Without its body: a page of whole bodies could be a hundred megabytes. */
export type MessageRow = Omit<ResultOf<typeof MESSAGE_ROW>, "bodyText"> & {
  /** The address that opens it. */
  href: string;
  /** A part of the body. */
  preview: string;
  /** Where in it is what was searched for. */
  match: [from: number, to: number] | null;
  /** Size of the body. */
  bytes: number;
};

export const MESSAGE_DETAIL = graphql(
  `
  fragment MessageDetail on Message {
    ...MessageRow
    bodyVisibility
    ttlSeconds
    clientId
    headers {
      name
      value
    }
  }
`,
  [MESSAGE_ROW],
);
export type MessageDetail = ResultOf<typeof MESSAGE_DETAIL>;
export type BodyVisibility = MessageDetail["bodyVisibility"];

export const MESSAGE_LIFE = graphql(`
  fragment MessageLifeFacts on MessageLife {
    keptSeconds
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

/** What the address opens. */
export interface OpenMessage {
  project: string;
  queue: string;
  id: string;
  /** False: the address opens the first or the last message of the page. */
  isNamed: boolean;
  /** Null: it does not exist. */
  message: MessageDetail | null;
  life: MessageLifeFacts | null;
  closeHref: string;
}

/** The addresses of the messages beside the open one, in the order of the list. Null: there is none. */
export interface Steps {
  previous: string | null;
  next: string | null;
}

/** What a post says of a message. */
export interface PostedBefore {
  bodyText: string;
  headers: readonly Header[];
  ttlSeconds: number;
  /** Null when it had no delay, or its delay is over. */
  delaySeconds: number | null;
}
