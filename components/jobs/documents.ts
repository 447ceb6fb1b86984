import { graphql } from "../graphql.ts";

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
