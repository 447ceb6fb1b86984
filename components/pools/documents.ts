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
