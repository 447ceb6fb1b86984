import { PERSON_ROW } from "../../components/access/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const ACCOUNT_PAGE = graphql(
  `
  query AccountPage {
    viewer {
      person {
        ...PersonRow
      }
    }
  }
`,
  [PERSON_ROW],
);
