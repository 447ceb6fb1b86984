export const CREATE_QUEUE = /* GraphQL */ `
  mutation CreateQueue($input: CreateQueueInput!) {
    createQueue(input: $input) {
      created
    }
  }
`;

export const DELETE_QUEUE = /* GraphQL */ `
  mutation DeleteQueue($input: DeleteQueueInput!) {
    deleteQueue(input: $input) {
      deleted
    }
  }
`;

export const PURGE_QUEUE = /* GraphQL */ `
  mutation PurgeQueue($input: PurgeQueueInput!) {
    purgeQueue(input: $input) {
      subscriptions
    }
  }
`;

export const UPDATE_QUEUE_METADATA = /* GraphQL */ `
  mutation UpdateQueueMetadata($input: UpdateQueueMetadataInput!) {
    updateQueueMetadata(input: $input) {
      queue {
        updatedAt
      }
    }
  }
`;

export const PATCH_QUEUE_METADATA = /* GraphQL */ `
  mutation PatchQueueMetadata($input: PatchQueueMetadataInput!) {
    patchQueueMetadata(input: $input) {
      queue {
        updatedAt
      }
    }
  }
`;
