import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

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
    actor
    createdAt
  }
`);
export type JobRow = ResultOf<typeof JOB_ROW>;
