import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

export const PAUSE_FACTS = graphql(`
  fragment PauseFacts on Pause {
    scope
    project
    queueName
    at
    actor
    reason
  }
`);
export type PauseFacts = ResultOf<typeof PAUSE_FACTS>;
