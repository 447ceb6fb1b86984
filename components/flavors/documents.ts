export const CREATE_FLAVOR = /* GraphQL */ `
  mutation CreateFlavor($input: CreateFlavorInput!) {
    createFlavor(input: $input) {
      created
    }
  }
`;

export const UPDATE_FLAVOR = /* GraphQL */ `
  mutation UpdateFlavor($input: UpdateFlavorInput!) {
    updateFlavor(input: $input) {
      flavor {
        updatedAt
      }
    }
  }
`;

export const DELETE_FLAVOR = /* GraphQL */ `
  mutation DeleteFlavor($input: DeleteFlavorInput!) {
    deleteFlavor(input: $input) {
      deleted
    }
  }
`;
