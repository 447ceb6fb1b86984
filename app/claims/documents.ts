import { CLAIMS_FOUND, FOUND_CLAIM } from "../../components/claims/fragments.ts";
import { PAGE_INFO } from "../../components/fragments.ts";
import { graphql } from "../../components/graphql.ts";

export const CLAIMS_OF_QUEUES = graphql(
  `
  query ClaimsOfQueues(
    $project: String
    $allProjects: Boolean!
    $filter: ClaimFilter!
    $orderBy: ClaimOrder!
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    claims(
      project: $project
      allProjects: $allProjects
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      ...ClaimsFound
      nodes {
        ...FoundClaim
      }
      pageInfo {
        ...PageInfo
      }
    }
    queueSampling {
      on
    }
    projects(first: 100) {
      nodes {
        name
      }
    }
  }
`,
  [CLAIMS_FOUND, FOUND_CLAIM, PAGE_INFO],
);
