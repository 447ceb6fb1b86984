export const POST_MESSAGES = /* GraphQL */ `
  mutation PostMessages($input: PostMessagesInput!) {
    postMessages(input: $input) {
      ids
    }
  }
`;

export const DELETE_MESSAGE = /* GraphQL */ `
  mutation DeleteMessage($input: DeleteMessageInput!) {
    deleteMessage(input: $input) {
      deleted
    }
  }
`;
