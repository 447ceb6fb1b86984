import { graphql } from "../graphql.ts";
import { JOB_DETAIL } from "./fragments.ts";

export const MOVE_QUEUE = graphql(`
  mutation MoveQueue($input: MoveQueueInput!) {
    moveQueue(input: $input) {
      job {
        id
        state
        resultText
        error {
          code
          message
        }
      }
    }
  }
`);

export const DRAIN_POOL = graphql(`
  mutation DrainPool($input: DrainPoolInput!) {
    drainPool(input: $input) {
      job {
        id
        state
        error {
          code
          message
        }
      }
    }
  }
`);

export const CANCEL_JOB = graphql(`
  mutation CancelJob($input: CancelJobInput!) {
    cancelJob(input: $input) {
      job {
        state
      }
    }
  }
`);

export const HOLD_JOB = graphql(`
  mutation HoldJob($input: HoldJobInput!) {
    holdJob(input: $input) {
      job {
        isHeld
      }
    }
  }
`);

export const RESUME_JOB = graphql(`
  mutation ResumeJob($input: ResumeJobInput!) {
    resumeJob(input: $input) {
      job {
        isHeld
      }
    }
  }
`);

export const UPDATE_JOB = graphql(`
  mutation UpdateJob($input: UpdateJobInput!) {
    updateJob(input: $input) {
      job {
        ratePerSecond
      }
    }
  }
`);

export const JOB_UPDATED = graphql(
  `
  subscription JobUpdated($id: ID!) {
    jobUpdated(id: $id) {
      ...JobDetail
    }
  }
`,
  [JOB_DETAIL],
);
