/** What can be watched. Each stream ends when its client goes, because its context's signal aborts then. */

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
        description: "A message's marker: begin behind it, and miss none. Left out: from now on.",
      }),
    },
    description:
      "A queue's messages as they are posted, in its order. Watching consumes nothing. Ends with QUEUE_DOES_NOT_EXIST when the queue goes.",
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
      "The statistics of each of these queues now, then whenever they change, at most once a second a queue.",
    subscribe: (_root, { project, names }, { access, operations, signal }) =>
      operations.queues.watchStats(access, { queues: names.map((name) => ({ project, name })), signal }),
    resolve: (change) => change,
  }),
}));
