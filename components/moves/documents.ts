import { graphql } from "../graphql.ts";

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
