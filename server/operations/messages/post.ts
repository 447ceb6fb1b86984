import { type Access, chooseProject, requirePermission } from "../../access/access.ts";
import { NEEDS } from "../../access/needs.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkToken, chosenQueue } from "../input/names.ts";
import { checkCount, type MessageToPost, newMessages } from "../input/new-messages.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import { attributesUnlessMissing, creatingIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { type PostOutcome, postToMany } from "./many-posts.ts";

/** Needs the permission produce; to create a missing queue, operate too. */
export interface MessagePosts {
  /**
   * Posts all messages or none, and returns their ids in the order given. `createQueue` creates a missing queue first;
   * it stays if the post then fails.
   *
   * With an `idempotencyKey`, a repeat within a day returns the first call's ids and adds nothing. BAD_INPUT,
   * TOO_LARGE, QUEUE_DOES_NOT_EXIST, IDEMPOTENCY_KEY_REUSED.
   */
  post(
    access: Access,
    params: QueueAddress & {
      messages: readonly MessageToPost[];
      clientId?: string | null;
      idempotencyKey?: string | null;
      createQueue?: boolean;
      /** The context of the trace, which messages keep in their headers. Left out: there are no traces. */
      traceparent?: string | null;
    },
  ): Promise<{ ids: string[] }>;
  /**
   * Posts to many queues side by side, as `post` does to one, and returns the outcomes in the order given. Each post is
   * stored as a whole or not at all, whatever becomes of the others. Posts to the same queue may be stored in any
   * order. At most MAX_POSTS, with MAX_POSTS_MESSAGES and MAX_POSTS_SIZE together: BAD_INPUT, TOO_LARGE.
   */
  postToMany(access: Access, params: { posts: readonly Parameters<MessagePosts["post"]>[1][] }): Promise<PostOutcome[]>;
}

export function createMessagePosts(
  context: OperationContext,
  { lookup, lifecycle }: { lookup: QueueLookup; lifecycle: QueueLifecycle },
): MessagePosts {
  const { data, limits } = context;

  async function post(access: Access, params: Parameters<MessagePosts["post"]>[1]): Promise<{ ids: string[] }> {
    const queue = chosenQueue(limits, access, "produce", params);
    const clientId = checkToken("clientId", params.clientId);
    const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey);
    checkCount(limits.MAX_MESSAGES_PER_POST, params.messages);
    const attributes = await attributesUnlessMissing(lookup, queue, params.createQueue === true);
    // Checked before the queue is created: a bad request must leave no queue behind.
    const effective = attributes ?? readMetadata(limits, "{}").effective;
    const messages = newMessages(limits, params.messages, effective, params.traceparent);
    const createQueue = async () => {
      chooseProject(access, NEEDS.createQueue.permission, queue.project);
      return lifecycle.create(access, queue, readMetadata(limits, "{}"));
    };
    if (attributes === null) await createQueue();
    const post = { queue, messages, clientId, ...(idempotencyKey === null ? {} : { idempotencyKey }) };
    if (params.createQueue !== true) return data.messages.post(post);
    return creatingIfMissing(lookup, queue, createQueue, () => data.messages.post(post));
  }

  /** Two statements for all queues that are not cached, instead of two for each. */
  async function lookUpTogether(access: Access, posts: readonly QueueAddress[]): Promise<void> {
    const queues = posts.flatMap((address) => {
      try {
        return [chosenQueue(limits, access, "produce", address)];
      } catch {
        // Its post says why.
        return [];
      }
    });
    await Promise.all([lookup.find(queues), data.locateQueues(queues)]);
  }

  return {
    post,

    async postToMany(access, { posts }) {
      requirePermission(access, "produce");
      return postToMany(context, access, posts, {
        lookUp: () => lookUpTogether(access, posts),
        post: (one) => post(access, one),
      });
    },
  };
}
