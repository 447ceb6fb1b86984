import { graphql } from "./graphql.ts";

/** Where a page of a list stands, for the links to the pages beside it. */
export const PAGE_INFO = graphql(`
  fragment PageInfo on PageInfo {
    hasNextPage
    hasPreviousPage
    startCursor
    endCursor
  }
`);
