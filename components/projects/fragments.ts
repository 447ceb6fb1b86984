import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const PROJECT_ROW = graphql(`
  fragment ProjectRow on Project {
    name
    queueCount {
      value
      exact
    }
    bodyRule {
      readBy
      maskedPaths
    }
  }
`);
export type ProjectRow = ResultOf<typeof PROJECT_ROW>;
