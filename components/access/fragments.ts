import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

const GRANT_FACTS = graphql(`
  fragment GrantFacts on Grant {
    role
    projects
  }
`);

/** Who looks at the page. */
export const VIEWER_FACTS = graphql(
  `
  fragment ViewerFacts on Viewer {
    kind
    actor
    person {
      name
      grants {
        ...GrantFacts
      }
    }
  }
`,
  [GRANT_FACTS],
);
export type ViewerFacts = ResultOf<typeof VIEWER_FACTS>;

export const SESSION_ROW = graphql(`
  fragment SessionRow on Session {
    id
    address
    userAgent
    createdAt
    lastSeenAt
    expiresAt
    isCurrent
  }
`);
export type SessionRow = ResultOf<typeof SESSION_ROW>;

export const PERSON_ROW = graphql(
  `
  fragment PersonRow on Person {
    id
    email
    name
    grants {
      ...GrantFacts
    }
    hasClaimedGrants
    isDisabled
    lastSeenAt
    signInMethods
    sessions {
      ...SessionRow
    }
  }
`,
  [GRANT_FACTS, SESSION_ROW],
);
export type PersonRow = ResultOf<typeof PERSON_ROW>;

export const TOKEN_ROW = graphql(`
  fragment TokenRow on Token {
    name
    prefix
    scopes
    projects
    createdAt
    createdBy
    expiresAt
    lastUsedAt
    revokedAt
    revokedBy
    state
  }
`);
export type TokenRow = ResultOf<typeof TOKEN_ROW>;

export const READ_ONLY_FACTS = graphql(`
  fragment ReadOnlyFacts on ReadOnly {
    at
    actor
    reason
  }
`);
export type ReadOnlyFacts = ResultOf<typeof READ_ONLY_FACTS>;
