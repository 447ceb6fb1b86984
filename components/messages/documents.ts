import { graphql } from "../graphql.ts";
import { MESSAGE_ROW } from "./fragments.ts";

export const POST_MESSAGES = graphql(`
  mutation PostMessages($input: PostMessagesInput!) {
    postMessages(input: $input) {
      ids
    }
  }
`);

export const DELETE_MESSAGE = graphql(`
  mutation DeleteMessage($input: DeleteMessageInput!) {
    deleteMessage(input: $input) {
      deleted
      undo {
        token
        until
      }
    }
  }
`);

export const SEARCH_MESSAGES = graphql(
  `
  query SearchMessages(
    $project: String
    $queue: String!
    $filter: MessageFilter
    $direction: OrderDirection!
    $first: Int
    $after: String
    $examine: SafeInt
  ) {
    queue(project: $project, queue: $queue) {
      messageSearch(filter: $filter, direction: $direction, first: $first, after: $after, examine: $examine) {
        nodes {
          ...MessageRow
        }
        examined
        reachedAt
        done
        endCursor
      }
    }
  }
`,
  [MESSAGE_ROW],
);

export const MESSAGE_POSTED = graphql(
  `
  subscription MessagePosted($project: String, $queue: String!, $after: String) {
    messagePosted(project: $project, queue: $queue, after: $after) {
      ...MessageRow
    }
  }
`,
  [MESSAGE_ROW],
);
