import { graphql } from "../graphql.ts";

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
    }
  }
`);
