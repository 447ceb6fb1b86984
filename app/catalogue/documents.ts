import { CATALOGUE_ROW, TARGET_POOL } from "../../components/catalogue/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const CATALOGUE_PAGE = graphql(
  `
  query CataloguePage(
    $project: String
    $allProjects: Boolean! = false
    $pool: String
    $search: String
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    catalogue(
      project: $project
      allProjects: $allProjects
      pool: $pool
      search: $search
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      nodes {
        ...CatalogueRow
      }
      pageInfo {
        ...PageInfo
      }
    }
    pools(first: 100) {
      nodes {
        ...TargetPool
      }
    }
  }
`,
  [CATALOGUE_ROW, PAGE_INFO, TARGET_POOL],
);
