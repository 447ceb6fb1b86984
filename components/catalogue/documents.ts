export const INSERT_ENTRY = /* GraphQL */ `
  mutation InsertCatalogueEntry($input: InsertCatalogueEntryInput!) {
    insertCatalogueEntry(input: $input) {
      entry {
        epoch
      }
    }
  }
`;

export const UPDATE_ENTRY = /* GraphQL */ `
  mutation UpdateCatalogueEntry($input: UpdateCatalogueEntryInput!) {
    updateCatalogueEntry(input: $input) {
      entry {
        epoch
      }
    }
  }
`;

export const DELETE_ENTRY = /* GraphQL */ `
  mutation DeleteCatalogueEntry($input: DeleteCatalogueEntryInput!) {
    deleteCatalogueEntry(input: $input) {
      deleted
    }
  }
`;
