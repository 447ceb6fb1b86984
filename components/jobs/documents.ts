/** What a JobRow is made of. */
export const JOB_FIELDS = `
        id
        kind
        project
        target
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
        createdAt`;

export const MOVE_QUEUE = /* GraphQL */ `
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
`;

export const DRAIN_POOL = /* GraphQL */ `
  mutation DrainPool($input: DrainPoolInput!) {
    drainPool(input: $input) {
      job {
        state
        error {
          code
          message
        }
      }
    }
  }
`;

export const CANCEL_JOB = /* GraphQL */ `
  mutation CancelJob($input: CancelJobInput!) {
    cancelJob(input: $input) {
      job {
        state
      }
    }
  }
`;
