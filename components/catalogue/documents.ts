import { graphql } from "../graphql.ts";

export const INSERT_ENTRY = graphql(`
  mutation InsertCatalogueEntry($input: InsertCatalogueEntryInput!) {
    insertCatalogueEntry(input: $input) {
      entry {
        epoch
      }
    }
  }
`);

export const UPDATE_ENTRY = graphql(`
  mutation UpdateCatalogueEntry($input: UpdateCatalogueEntryInput!) {
    updateCatalogueEntry(input: $input) {
      entry {
        epoch
      }
    }
  }
`);

export const DELETE_ENTRY = graphql(`
  mutation DeleteCatalogueEntry($input: DeleteCatalogueEntryInput!) {
    deleteCatalogueEntry(input: $input) {
      deleted
    }
  }
`);
