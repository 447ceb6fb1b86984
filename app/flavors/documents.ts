import { FLAVOR_CHOICE, FLAVOR_ROW } from "../../components/flavors/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

/** For an address that names no project. */
export const FIRST_PROJECT = graphql(`
  query FirstProject {
    projects(first: 1) {
      nodes {
        name
      }
    }
  }
`);

export const FLAVORS_PAGE = graphql(
  `
  query FlavorsPage($project: String!, $first: Int, $after: String, $last: Int, $before: String) {
    flavors(project: $project, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        ...FlavorRow
      }
      pageInfo {
        ...PageInfo
      }
    }
    projects(first: 100) {
      nodes {
        name
      }
    }
    pools(first: 100) {
      nodes {
        ...FlavorChoice
      }
    }
  }
`,
  [FLAVOR_ROW, PAGE_INFO, FLAVOR_CHOICE],
);
