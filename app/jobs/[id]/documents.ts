import { graphql } from "@/components/graphql.ts";
import { JOB_DETAIL } from "@/components/jobs/fragments.ts";

export const JOB_PAGE = graphql(
  `
  query JobPage($id: ID!) {
    job(id: $id) {
      ...JobDetail
    }
  }
`,
  [JOB_DETAIL],
);
