import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

/** What can be taken back. */
export const OPEN_UNDO = graphql(`
  fragment OpenUndo on Undo {
    token
    action
    project
    queueName
    messages
    createdAt
    until
    actor
  }
`);
export type OpenUndoFacts = ResultOf<typeof OPEN_UNDO>;
