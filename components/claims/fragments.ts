import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const CLAIM_ROW = graphql(`
  fragment ClaimRow on Claim {
    id
    project
    queueName
    ttlSeconds
    graceSeconds
    createdAt
    renewedAt
    expiresAt
    clientId
    actor
    messageCount
  }
`);
/** `href`: the address that opens it. */
export type ClaimRow = ResultOf<typeof CLAIM_ROW> & { href: string };

export const CLAIM_DETAIL = graphql(
  `
  fragment ClaimDetail on Claim {
    ...ClaimRow
    messages {
      id
      bodyText
      expiresAt
      claimCount
    }
  }
`,
  [CLAIM_ROW],
);
type Detail = ResultOf<typeof CLAIM_DETAIL>;
/** Of each message's body only the beginning. `messages`: null when the pool does not answer. */
export type ClaimDetail = Omit<Detail, "messages"> & {
  messages: (Omit<NonNullable<Detail["messages"]>[number], "bodyText"> & { preview: string })[] | null;
};

/** What the address opens. */
export interface OpenClaim {
  project: string;
  queue: string;
  id: string;
  /** Null: it was released or has expired. */
  claim: ClaimDetail | null;
  closeHref: string;
}
