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

export const UNSNOOZE_PROBLEM = graphql(`
  mutation UnsnoozeProblem($input: UnsnoozeProblemInput!) {
    unsnoozeProblem(input: $input) {
      problem {
        snoozedUntil
      }
    }
  }
`);
