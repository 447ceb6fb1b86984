import { graphql } from "../graphql.ts";
import { OPEN_UNDO } from "./fragments.ts";

export const TAKE_BACK = graphql(`
  mutation TakeBack($input: UndoInput!) {
    undo(input: $input) {
      messages
      queue {
        name
      }
    }
  }
`);

/** Deleted queues that can be taken back are among them. */
export const OPEN_UNDOS = graphql(
  `
  query OpenUndos($project: String) {
    undos(project: $project) {
      ...OpenUndo
    }
  }
`,
  [OPEN_UNDO],
);
