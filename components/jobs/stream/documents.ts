import { graphql } from "../../graphql.ts";
import { JOB_DETAIL } from "../fragments.ts";

export const JOB_UPDATED = graphql(
  `
  subscription JobUpdated($id: ID!) {
    jobUpdated(id: $id) {
      ...JobDetail
    }
  }
`,
  [JOB_DETAIL],
);
