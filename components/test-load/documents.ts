import { graphql } from "../graphql.ts";

export const GENERATE_MESSAGES = graphql(`
  mutation GenerateMessages($input: GenerateMessagesInput!) {
    generateMessages(input: $input) {
      job {
        id
      }
    }
  }
`);
