/** postToQueues: one request that posts to many queues. */
import { type DomainError, type ErrorExtensions, errorExtensions } from "../errors.ts";
import type { PostOutcome } from "../operations/messages/many-posts.ts";
import { ErrorCodeType, RetryType } from "./http/mask-errors.ts";
import { PostMessagesInput, postOf } from "./messages.ts";
import { builder } from "./schema/builder.ts";
import { RawJson } from "./schema/json.ts";
import { asWritten } from "./schema/json-input.ts";

/** Cost of posting to many queues. A document cannot tell how many its variables name. */
const MANY_POSTS = 100;

interface PostError extends Pick<ErrorExtensions, "code" | "retry" | "retryAfterSeconds" | "details"> {
  message: string;
}

/** Hazard: GraphQL would throw an Error that is a field's value. */
const postError = ({ code, message, details }: DomainError): PostError => ({
  ...errorExtensions(code, details),
  message,
});

const PostErrorType = builder.objectRef<PostError>("PostError").implement({
  description: "Why a post to one of many queues failed, as `extensions` say it of other errors.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeType, description: "Its code." }),
    message: t.exposeString("message", { description: "What to do, for people." }),
    retry: t.expose("retry", { type: RetryType, description: "Whether to repeat this post." }),
    retryAfterSeconds: t.expose("retryAfterSeconds", {
      type: "SafeInt",
      nullable: true,
      description: "How many seconds to wait before that, at least. Null: do not repeat it.",
    }),
    details: t.field({
      type: "JSON",
      description: "An object for programs: the names and numbers involved.",
      resolve: ({ details }) => new RawJson(JSON.stringify(details)),
    }),
  }),
});

const PostResultType = builder.objectRef<{ queue: string; outcome: PostOutcome }>("PostResult").implement({
  description: "What became of one post: either `ids` or `error`.",
  fields: (t) => ({
    queueName: t.exposeString("queue", { description: "The queue's name, as it was given." }),
    ids: t.field({
      type: ["ID"],
      nullable: true,
      description: "The messages' ids, in the order given. Null: none was stored, or nobody knows; see `error`.",
      resolve: ({ outcome }) => ("ids" in outcome ? outcome.ids : null),
    }),
    error: t.field({
      type: PostErrorType,
      nullable: true,
      description: "Null: all messages of this post are stored.",
      resolve: ({ outcome }) => ("error" in outcome ? postError(outcome.error) : null),
    }),
  }),
});

const PostToQueuesInput = builder.inputType("PostToQueuesInput", {
  description: "Posts to many queues, of one project or of several.",
  fields: (t) => ({
    posts: t.field({
      type: [PostMessagesInput],
      required: true,
      description:
        "At least one, each as for postMessages. At most `limits.maxPosts`, with `limits.maxPostsMessages` messages and `limits.maxPostsBytes` of bodies and headers together.",
    }),
  }),
});
const PostToQueuesPayload = builder
  .objectRef<{ results: { queue: string; outcome: PostOutcome }[] }>("PostToQueuesPayload")
  .implement({
    description: "The result of postToQueues.",
    fields: (t) => ({
      results: t.expose("results", { type: [PostResultType], description: "One for each post, in the order given." }),
    }),
  });

builder.mutationFields((t) => ({
  postToQueues: t.field({
    type: PostToQueuesPayload,
    args: { input: t.arg({ type: PostToQueuesInput, required: true, description: "The posts." }) },
    complexity: { field: MANY_POSTS, multiplier: 1 },
    description:
      "Posts to many queues side by side. Each post is stored as a whole or not at all, whatever becomes of the others: a queue that is missing, or whose pool does not answer, costs its own posts. Two posts to the same queue are stored in any order. To be safe to repeat, each post needs an `idempotencyKey` of its own.",
    resolve: async (_root, { input }, { access, operations }) => {
      const outcomes = await operations.messages.postToMany(access, { posts: input.posts.map(postOf) });
      return {
        results: input.posts.map((post, index) => {
          const outcome = outcomes[index] as PostOutcome;
          return {
            queue: post.queue,
            outcome: "error" in outcome ? { error: asWritten(outcome.error, post) } : outcome,
          };
        }),
      };
    },
  }),
}));
