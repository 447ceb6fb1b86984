import { graphql } from "../graphql.ts";

export const PAUSE = graphql(`
  mutation Pause($input: PauseInput!) {
    pause(input: $input) {
      pause {
        at
      }
    }
  }
`);

export const RESUME = graphql(`
  mutation Resume($input: ResumeInput!) {
    resume(input: $input) {
      resumed {
        at
      }
    }
  }
`);
