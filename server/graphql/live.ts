/** The subscriptions of the schema. A stream ends when its client leaves: then the signal of its context aborts. */

import type { MessageRecord } from "../operations/messages/record.ts";
import { JobType, jobStates, storedJobId } from "./jobs.ts";
import { MessageType } from "./messages.ts";
import { QueueStatsOfType } from "./queues.ts";
import { projectArgs, queueArgs } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { readMessagePosition } from "./schema/cursor.ts";

builder.subscriptionFields((t) => ({
  messagePosted: t.field({
    type: MessageType,
    args: {
      ...queueArgs,
      after: t.arg.string({
        description:
          'A message\'s marker or cursor: start after it, and miss no message. "0": from the beginning of the queue. Left out: from now on.',
      }),
    },
    description:
      "The messages of a queue as they are posted, in its order. Watching consumes nothing. The stream ends with QUEUE_DOES_NOT_EXIST when the queue is deleted. The `id` of each event is its message's marker: a request with the header `Last-Event-ID`, as an EventSource sends it, starts after that marker instead of `after`.",
    subscribe: async (_root, args, { access, operations, signal, position }) => {
      const given = position.lastEventId ?? args.after ?? undefined;
      const after =
        given === undefined
          ? await operations.messages.newestMarker(access, args)
          : readMessagePosition(given, "after");
      position.begin(after, ({ marker }: MessageRecord) => marker);
      return operations.messages.watch(access, { ...args, after, signal });
    },
    resolve: (message, _args, { answer }, info) => {
      answer.countMessage(message, info);
      return message;
    },
  }),
  queueStatsChanged: t.field({
    type: QueueStatsOfType,
    args: {
      ...projectArgs,
      queues: t.arg.stringList({
        required: true,
        description: "The queues' names, at most as many as a page has rows.",
      }),
    },
    description:
      "The statistics of each of these queues: now, and then whenever they change, at most once per second and queue.",
    subscribe: (_root, { project, queues }, { access, operations, signal }) =>
      operations.queues.watchStats(access, { queues: queues.map((queue) => ({ project, queue })), signal }),
    resolve: (change) => change,
  }),
  jobUpdated: t.field({
    type: JobType,
    args: { id: t.arg.id({ required: true, description: "The job's id." }) },
    description:
      "A job: now, and then whenever it changes, at most once per second, whichever process runs it. The stream completes after the state in which the job ended. JOB_DOES_NOT_EXIST when there is none, or you may not see it.",
    subscribe: (_root, { id }, { access, operations, signal }) =>
      jobStates(operations.jobs.watch(access, { id: storedJobId(id), signal }), id),
    resolve: (job) => job,
  }),
}));
