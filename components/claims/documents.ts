import { graphql } from "../graphql.ts";

export const CREATE_CLAIM = graphql(`
  mutation CreateClaim($input: CreateClaimInput!) {
    createClaim(input: $input) {
      claim {
        id
      }
      messages {
        id
      }
      deadLettered
    }
  }
`);

export const RENEW_CLAIM = graphql(`
  mutation RenewClaim($input: RenewClaimInput!) {
    renewClaim(input: $input) {
      claim {
        expiresAt
      }
    }
  }
`);

export const RELEASE_CLAIM = graphql(`
  mutation ReleaseClaim($input: ReleaseClaimInput!) {
    releaseClaim(input: $input) {
      claimId
    }
  }
`);
