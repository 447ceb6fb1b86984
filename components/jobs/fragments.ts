import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";
import { OPEN_UNDO } from "../undo/fragments.ts";

export const JOB_ROW = graphql(`
  fragment JobRow on Job {
    id
    kind
    project
    targetName
    state
    progress
    total
    rate
    waitingFor
    error {
      code
      message
    }
    resultText
    cancelRequested
    isHeld
    ratePerSecond
    left
    reason
    actor
    createdAt
  }
`);
export type JobRow = ResultOf<typeof JOB_ROW>;

/** All of one job, as its page follows it. */
export const JOB_DETAIL = graphql(
  `
  fragment JobDetail on Job {
    ...JobRow
    startedAt
    finishedAt
    endsAt
    inputText
    leftBecause {
      why
      messages
      project
      queueName
    }
    undos {
      ...OpenUndo
    }
    dryRun {
      queueCount
      queues(first: 20) {
        project
        queueName
      }
      destinations {
        project
        queueName
      }
    }
  }
`,
  [JOB_ROW, OPEN_UNDO],
);
export type JobDetail = ResultOf<typeof JOB_DETAIL>;
