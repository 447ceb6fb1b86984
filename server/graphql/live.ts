/** The subscriptions of the schema. A stream ends when its client leaves: then the signal of its context aborts. */

import { DomainError } from "../errors.ts";
import type { MessageRecord } from "../operations/messages/record.ts";
import type { AnswerChange } from "./http/shared-answers.ts";
import { JobType, jobStates, storedJobId } from "./jobs.ts";
import { MessageType } from "./messages.ts";
import { QueueStatsOfType } from "./queues.ts";
import { projectArgs, queueArgs } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { readMessagePosition } from "./schema/cursor.ts";
import type { RawJson } from "./schema/json.ts";

const WatchedQueryInput = builder.inputType("WatchedQueryInput", {
  description: "A query whose answer is watched.",
  fields: (t) => ({
    key: t.string({ required: true, description: "What each event about this query has as its `key`." }),
    document: t.string({ required: true, description: "The text of the document: one query, and its fragments." }),
    variables: t.field({ type: "JSON", description: "The values of its variables, an object." }),
  }),
});

const AnswerChangeType = builder.objectRef<AnswerChange>("AnswerChange").implement({
  description: "That the answer to a watched query has changed, or still is the same.",
  fields: (t) => ({
    key: t.exposeString("key", { description: "The key of the query." }),
    digest: t.exposeString("digest", { description: "Another text whenever the answer is another one." }),
    asOf: t.expose("asOf", { type: "DateTime", description: "When the query ran." }),
  }),
});

/** BAD_INPUT unless the variables are an object. */
function variablesOf(given: RawJson | null | undefined): Record<string, unknown> {
  const variables = JSON.parse(given?.text ?? "{}");
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) {
    throw new DomainError("BAD_INPUT", "`variables` must be an object.");
  }
  return variables;
}

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
  answerChanged: t.field({
    type: AnswerChangeType,
    args: {
      queries: t.arg({
        type: [WatchedQueryInput],
        required: true,
        description: "From 1 to 20 queries, whose keys differ.",
      }),
    },
    description:
      "Tells when to ask again. For each of these queries an event comes now, whenever its answer has changed, and at least every ten seconds. Each query runs about once a second, and less often if it is slow, however many watch it. What it selects should change only when something happened: a creation time, not an age. TOO_MANY_REQUESTS when the process watches as many queries as it may.",
    subscribe: (_root, { queries }, { access, shared, signal }) =>
      shared.watch(
        access,
        queries.map(({ key, document, variables }) => ({ key, document, variables: variablesOf(variables) })),
        signal,
      ),
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
