import { graphql } from "../graphql.ts";

export const CREATE_FLAVOR = graphql(`
  mutation CreateFlavor($input: CreateFlavorInput!) {
    createFlavor(input: $input) {
      created
    }
  }
`);

export const UPDATE_FLAVOR = graphql(`
  mutation UpdateFlavor($input: UpdateFlavorInput!) {
    updateFlavor(input: $input) {
      flavor {
        updatedAt
      }
    }
  }
`);

export const DELETE_FLAVOR = graphql(`
  mutation DeleteFlavor($input: DeleteFlavorInput!) {
    deleteFlavor(input: $input) {
      deleted
    }
  }
`);
