import { PERSON_ROW, TOKEN_ROW } from "../../components/access/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const PEOPLE_PAGE = graphql(
  `
  query PeoplePage($first: Int, $after: String, $last: Int, $before: String) {
    people(first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...PersonRow
      }
      pageInfo {
        ...PageInfo
      }
    }
  }
`,
  [PERSON_ROW, PAGE_INFO],
);

export const TOKENS_PAGE = graphql(
  `
  query TokensPage($state: TokenState, $first: Int, $after: String, $last: Int, $before: String) {
    tokens(state: $state, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...TokenRow
      }
      pageInfo {
        ...PageInfo
      }
    }
  }
`,
  [TOKEN_ROW, PAGE_INFO],
);
