export const CREATE_CLAIM = /* GraphQL */ `
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
`;

export const RENEW_CLAIM = /* GraphQL */ `
  mutation RenewClaim($input: RenewClaimInput!) {
    renewClaim(input: $input) {
      claim {
        expiresAt
      }
    }
  }
`;

export const RELEASE_CLAIM = /* GraphQL */ `
  mutation ReleaseClaim($input: ReleaseClaimInput!) {
    releaseClaim(input: $input) {
      id
    }
  }
`;
