import { graphql } from "../graphql.ts";
import { JOB_DETAIL } from "../jobs/fragments.ts";
import { DRY_RUN_FACTS, TARGET_PACE } from "./fragments.ts";

export const MAKE_DRY_RUN = graphql(
  `
  mutation MakeDryRun($input: DryRunInput!) {
    dryRun(input: $input) {
      dryRun {
        ...DryRunFacts
      }
    }
  }
`,
  [DRY_RUN_FACTS],
);

export const START_JOB = graphql(
  `
  mutation BeginJob($input: StartJobInput!) {
    startJob(input: $input) {
      job {
        ...JobDetail
      }
    }
  }
`,
  [JOB_DETAIL],
);

export const PACE_OF_TARGET = graphql(
  `
  query PaceOfTarget($project: String, $queue: String!) {
    queue(project: $project, queue: $queue) {
      ...TargetPace
    }
  }
`,
  [TARGET_PACE],
);

/** As a script would ask: with what it needs of the answer. */
export const DRY_RUN_BY_SCRIPT = graphql(`
  mutation DryRun($input: DryRunInput!) {
    dryRun(input: $input) {
      dryRun {
        token
        expiresAt
        count {
          value
          exact
        }
        claimed
        warnings
      }
    }
  }
`);

export const START_BY_SCRIPT = graphql(`
  mutation StartJob($input: StartJobInput!) {
    startJob(input: $input) {
      job {
        id
        state
      }
    }
  }
`);
