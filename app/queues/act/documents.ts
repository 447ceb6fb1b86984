import { DRY_RUN_FACTS } from "@/components/acting/fragments.ts";
import { graphql } from "@/components/graphql.ts";
import { JOB_DETAIL } from "@/components/jobs/fragments.ts";

/** What the page has of one queue, or the projects that many can be of. `looked`, `started`: also the dry run and the job that the address names. */
export const ACT_PAGE = graphql(
  `
  query ActPage(
    $project: String
    $queue: String!
    $one: Boolean!
    $many: Boolean!
    $looked: Boolean!
    $token: String!
    $started: Boolean!
    $job: ID!
  ) {
    queue(project: $project, queue: $queue) @include(if: $one) {
      deadLetterSources
      stats {
        total
        exact
      }
    }
    projects(first: 100) @include(if: $many) {
      nodes {
        name
      }
    }
    dryRun(token: $token) @include(if: $looked) {
      ...DryRunFacts
    }
    job(id: $job) @include(if: $started) {
      ...JobDetail
    }
  }
`,
  [DRY_RUN_FACTS, JOB_DETAIL],
);

/** What a job was asked for, to ask for it again. */
export const FORMER_JOB = graphql(`
  query FormerJob($id: ID!) {
    job(id: $id) {
      id
      project
      inputText
      ratePerSecond
      reason
    }
  }
`);
