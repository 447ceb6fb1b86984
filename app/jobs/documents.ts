import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { JOB_ROW } from "../../components/jobs/fragments.ts";

export const JOBS_PAGE = graphql(
  `
  query JobsPage($state: JobState, $first: Int, $after: String, $last: Int, $before: String) {
    jobs(state: $state, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...JobRow
      }
      pageInfo {
        ...PageInfo
      }
    }
  }
`,
  [JOB_ROW, PAGE_INFO],
);
