/** The subscriptions of the schema. A stream ends when its client leaves: then the signal of its context aborts. */

import { MessageType } from "./messages.ts";
import { QueueStatsOfType } from "./queues.ts";
import { projectArgs, queueArgs } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";

builder.subscriptionFields((t) => ({
  messagePosted: t.field({
    type: MessageType,
    args: {
      ...queueArgs,
      after: t.arg.string({
        description: "A message's marker: start after it, and miss no message. Left out: from now on.",
      }),
    },
    description:
      "The messages of a queue as they are posted, in its order. Watching consumes nothing. The stream ends with QUEUE_DOES_NOT_EXIST when the queue is deleted.",
    subscribe: (_root, args, { access, operations, signal }) => operations.messages.watch(access, { ...args, signal }),
    resolve: (message, _args, { answer }, info) => {
      answer.countMessage(message, info);
      return message;
    },
  }),
  queueStatsChanged: t.field({
    type: QueueStatsOfType,
    args: {
      ...projectArgs,
      names: t.arg.stringList({
        required: true,
        description: "The queues' names, at most as many as a page has rows.",
      }),
    },
    description:
      "The statistics of each of these queues: now, and then whenever they change, at most once per second and queue.",
    subscribe: (_root, { project, names }, { access, operations, signal }) =>
      operations.queues.watchStats(access, { queues: names.map((name) => ({ project, name })), signal }),
    resolve: (change) => change,
  }),
}));
