import { graphql } from "../graphql.ts";

export const CREATE_QUEUE = graphql(`
  mutation CreateQueue($input: CreateQueueInput!) {
    createQueue(input: $input) {
      created
    }
  }
`);

export const DELETE_QUEUE = graphql(`
  mutation DeleteQueue($input: DeleteQueueInput!) {
    deleteQueue(input: $input) {
      deleted
      undo {
        token
        until
      }
    }
  }
`);

export const PURGE_QUEUE = graphql(`
  mutation PurgeQueue($input: PurgeQueueInput!) {
    purgeQueue(input: $input) {
      messages
      undo {
        token
        until
      }
    }
  }
`);

export const UPDATE_QUEUE_METADATA = graphql(`
  mutation UpdateQueueMetadata($input: UpdateQueueMetadataInput!) {
    updateQueueMetadata(input: $input) {
      queue {
        updatedAt
      }
    }
  }
`);

export const UPDATE_QUEUE_ATTRIBUTES = graphql(`
  mutation UpdateQueueAttributes($input: UpdateQueueAttributesInput!) {
    updateQueueAttributes(input: $input) {
      queue {
        updatedAt
      }
    }
  }
`);

export const PATCH_QUEUE_METADATA = graphql(`
  mutation PatchQueueMetadata($input: PatchQueueMetadataInput!) {
    patchQueueMetadata(input: $input) {
      queue {
        updatedAt
      }
    }
  }
`);
