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
/** `href`: the address that opens it. `holderHref`: of its holder's claims, if that is another list. */
export type ClaimRow = ResultOf<typeof CLAIM_ROW> & { href: string; holderHref?: string; stoppedAt?: string | null };

/** A claim among those of many queues, with what is known of its holder. */
export const FOUND_CLAIM = graphql(
  `
  fragment FoundClaim on Claim {
    ...ClaimRow
    consumer {
      lastClaimAt
      stoppedAt
    }
  }
`,
  [CLAIM_ROW],
);
export type FoundClaim = ResultOf<typeof FOUND_CLAIM>;

export const CLAIMS_FOUND = graphql(`
  fragment ClaimsFound on ClaimSearchConnection {
    count {
      value
      exact
    }
    messages {
      value
    }
    endingClaims
    endingMessages
    holders {
      name
      claims
      messages
      lastClaimAt
      stoppedAt
    }
    coverage {
      asOf
      queuesAsked
      queuesLeftOut {
        value
        exact
      }
      queuesCut
      queuesFailed
      failedPools
    }
  }
`);
export type ClaimsFound = ResultOf<typeof CLAIMS_FOUND>;

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
