import { graphql } from "../graphql.ts";

export const SNOOZE_PROBLEM = graphql(`
  mutation SnoozeProblem($input: SnoozeProblemInput!) {
    snoozeProblem(input: $input) {
      problem {
        snoozedUntil
      }
    }
  }
`);
