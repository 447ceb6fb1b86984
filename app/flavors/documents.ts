import { FLAVOR_CHOICE, FLAVOR_ROW } from "../../components/flavors/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const FLAVORS_PAGE = graphql(
  `
  query FlavorsPage(
    $project: String
    $allProjects: Boolean! = false
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    flavors(
      project: $project
      allProjects: $allProjects
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
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
