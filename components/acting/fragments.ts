import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";
import { JOB_DETAIL } from "../jobs/fragments.ts";

export const DRY_RUN_FACTS = graphql(
  `
  fragment DryRunFacts on DryRun {
    token
    createdAt
    expiresAt
    count {
      value
      exact
    }
    claimed
    oldest
    newest
    sample {
      id
      project
      queueName
      bodyText
      createdAt
      deadLettered {
        queueName
        at
      }
    }
    queueCount
    queues(first: 20) {
      project
      queueName
      count {
        value
        exact
      }
      claimed
    }
    destinations {
      project
      queueName
      exists
      count {
        value
        exact
      }
    }
    refused {
      why
      messages
      project
      queueName
    }
    undoable
    warnings
    job {
      ...JobDetail
    }
  }
`,
  [JOB_DETAIL],
);
type Facts = ResultOf<typeof DRY_RUN_FACTS>;
/** Of each body in the sample only the beginning. `sample`: null when the pool does not answer. */
export type DryRunFacts = Omit<Facts, "sample" | "job"> & {
  sample: (Omit<NonNullable<Facts["sample"]>[number], "bodyText"> & { preview: string })[] | null;
  job: Facts["job"];
};

/** What a queue that gets messages can take. */
export const TARGET_PACE = graphql(`
  fragment TargetPace on Queue {
    sample {
      rates {
        posted
      }
    }
    consumers(first: 50) {
      nodes {
        stoppedAt
        minutes {
          from
          messages
        }
      }
    }
  }
`);
export type TargetPace = ResultOf<typeof TARGET_PACE>;
