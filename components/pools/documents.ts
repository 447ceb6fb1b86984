/** What a PoolHealth is made of. */
export const POOL_HEALTH_FIELDS = `
        pool
        storageReachable
        writesRefused
        freeBytes
        checkedAt
        operations {
          operation
          succeeded
          seconds
          error
        }`;

/** What a HealthInterval is made of. */
export const INTERVAL_FIELDS = `
          from
          until
          lastAt
          samples
          unreachable
          failing
          errorCode
          p50Ms
          p95Ms`;

export const CREATE_POOL = /* GraphQL */ `
  mutation CreatePool($input: CreatePoolInput!) {
    createPool(input: $input) {
      created
    }
  }
`;

export const UPDATE_POOL = /* GraphQL */ `
  mutation UpdatePool($input: UpdatePoolInput!) {
    updatePool(input: $input) {
      pool {
        updatedAt
      }
    }
  }
`;

export const DELETE_POOL = /* GraphQL */ `
  mutation DeletePool($input: DeletePoolInput!) {
    deletePool(input: $input) {
      deleted
    }
  }
`;

export const VERIFY_POOL = /* GraphQL */ `
  mutation VerifyPool($input: VerifyPoolInput!) {
    verifyPool(input: $input) {
      capabilities
      registeredAs
    }
  }
`;

export const PLACEMENT = /* GraphQL */ `
  query PoolPlacement($flavor: String, $weights: [PoolWeightInput!]) {
    poolPlacement(flavor: $flavor, weights: $weights) {
      pool
      weight
      share
      queues {
        value
        exact
      }
      shareNow
    }
  }
`;
