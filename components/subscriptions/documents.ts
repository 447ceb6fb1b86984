export const CREATE_SUBSCRIPTION = /* GraphQL */ `
  mutation CreateQueueSubscription($input: CreateQueueSubscriptionInput!) {
    createQueueSubscription(input: $input) {
      created
    }
  }
`;

export const CONFIRM_SUBSCRIPTION = /* GraphQL */ `
  mutation ConfirmQueueSubscription($input: ConfirmQueueSubscriptionInput!) {
    confirmQueueSubscription(input: $input) {
      subscription {
        confirmed
      }
    }
  }
`;

export const DELETE_SUBSCRIPTION = /* GraphQL */ `
  mutation DeleteQueueSubscription($input: DeleteQueueSubscriptionInput!) {
    deleteQueueSubscription(input: $input) {
      id
    }
  }
`;
