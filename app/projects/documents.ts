import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";
import { PAUSE_FACTS } from "../../components/pauses/fragments.ts";
import { PROJECT_ROW } from "../../components/projects/fragments.ts";

export const PROJECTS_PAGE = graphql(
  `
  query ProjectsPage($search: String, $first: Int, $after: String, $last: Int, $before: String) {
    pauses {
      ...PauseFacts
    }
    projects(search: $search, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...ProjectRow
      }
      pageInfo {
        ...PageInfo
      }
    }
  }
`,
  [PROJECT_ROW, PAGE_INFO, PAUSE_FACTS],
);
