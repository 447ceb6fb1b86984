import { graphql } from "../graphql.ts";

export const COLLECT_GARBAGE = graphql(`
  mutation CollectGarbage($input: CollectGarbageInput!) {
    collectGarbage(input: $input) {
      durationSeconds
    }
  }
`);
