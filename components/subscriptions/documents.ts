import { graphql } from "../graphql.ts";

export const CREATE_SUBSCRIPTION = graphql(`
  mutation CreateQueueSubscription($input: CreateQueueSubscriptionInput!) {
    createQueueSubscription(input: $input) {
      created
    }
  }
`);

export const CONFIRM_SUBSCRIPTION = graphql(`
  mutation ConfirmQueueSubscription($input: ConfirmQueueSubscriptionInput!) {
    confirmQueueSubscription(input: $input) {
      subscription {
        confirmed
      }
    }
  }
`);

export const DELETE_SUBSCRIPTION = graphql(`
  mutation DeleteQueueSubscription($input: DeleteQueueSubscriptionInput!) {
    deleteQueueSubscription(input: $input) {
      deleted
    }
  }
`);
