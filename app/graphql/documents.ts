import { graphql } from "../../components/graphql.ts";

export const EXPLORER_PAGE = graphql(`
  query ExplorerPage {
    limits {
      trustedDocumentsOnly
    }
  }
`);
