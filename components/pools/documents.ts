import { graphql } from "../graphql.ts";

export const CREATE_POOL = graphql(`
  mutation CreatePool($input: CreatePoolInput!) {
    createPool(input: $input) {
      created
    }
  }
`);

export const UPDATE_POOL = graphql(`
  mutation UpdatePool($input: UpdatePoolInput!) {
    updatePool(input: $input) {
      pool {
        updatedAt
      }
    }
  }
`);

export const DELETE_POOL = graphql(`
  mutation DeletePool($input: DeletePoolInput!) {
    deletePool(input: $input) {
      deleted
    }
  }
`);

export const VERIFY_POOL = graphql(`
  mutation VerifyPool($input: VerifyPoolInput!) {
    verifyPool(input: $input) {
      capabilities
      registeredAs
    }
  }
`);

export const PLACEMENT = graphql(`
  query PoolPlacement($flavor: String, $weights: [PoolWeightInput!]) {
    poolPlacement(flavor: $flavor, weights: $weights) {
      poolName
      weight
      share
      queues {
        value
        exact
      }
      shareNow
    }
  }
`);
