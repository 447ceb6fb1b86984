/** Taking back what was removed. */
import type { UndoRecord } from "../operations/undo/undo.ts";
import { JobType } from "./jobs.ts";
import { followQueue, QUEUE_REFERENCE, type QueueParent, QueueType, queueParent } from "./queue-types.ts";
import { PurgeQueuePayload } from "./queues.ts";
import { projectsArgs, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { DeletePayload } from "./schema/delete-payload.ts";

const UndoActionType = builder.enumType("UndoAction", {
  description: "What was done, by the name of its mutation.",
  values: {
    PURGE_QUEUE: { value: "purgeQueue", description: "The queue was purged, or its beginning was." },
    DELETE_QUEUE: { value: "deleteQueue", description: "The queue was deleted." },
    DELETE_MESSAGES: { value: "deleteMessages", description: "Messages were deleted, not by a claim that held them." },
    DELETE_MESSAGE: { value: "deleteMessage", description: "A message was deleted with `force`." },
  } as const,
});

const UndoStateType = builder.enumType("UndoState", {
  description: "Whether it can be taken back.",
  values: {
    OPEN: { value: "open", description: "Yes, until its time is over." },
    RESTORING: {
      value: "restoring",
      description: "It is being taken back. If that was broken off, call `undo` again; garbage collection does so too.",
    },
    UNDONE: { value: "undone", description: "It was taken back." },
    CLOSED: { value: "closed", description: "No: `closedBecause` says why." },
  } as const,
});

const UndoIsOverType = builder.enumType("UndoClosedBecause", {
  description:
    "Why something cannot be taken back. Errors with UNDO_IS_OVER have it in lower case as `details.because`.",
  values: {
    USED: { value: "used", description: "It has been taken back." },
    EXPIRED: { value: "expired", description: "Its time is over." },
    PURGED: { value: "purged", description: "The queue was purged or deleted again since." },
    MOVED: { value: "moved", description: "The queue has moved to another pool since." },
    CREATED: { value: "created", description: "A queue of this name was created again since." },
    DELETED: { value: "deleted", description: "The queue was deleted since." },
    GONE: { value: "gone", description: "The pool keeps nothing of it: the queue has changed, or the pool lost it." },
  } as const,
});

const UndoType = builder.objectRef<UndoRecord>("Undo").implement({
  description:
    "Something that was removed and can be taken back for UNDO_SECONDS. What a consumer deletes with its claim, or pops, is gone for good.",
  fields: (t) => ({
    token: t.exposeID("token", { description: "What `undo` takes." }),
    action: t.expose("action", { type: UndoActionType, description: "What was done." }),
    project: t.exposeString("project", { description: "The queue's project." }),
    queueName: t.exposeString("queue", { description: "The queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was done." }),
    until: t.expose("until", { type: "DateTime", description: "Until when it can be taken back." }),
    actor: t.exposeString("actor", { description: "Who did it, or asked for the job that did." }),
    messages: t.expose("messages", {
      type: "SafeInt",
      nullable: true,
      description: "How many messages were removed; null when that is not known, as of a deleted queue.",
    }),
    state: t.expose("state", { type: UndoStateType, description: "Whether it can be taken back." }),
    closedBecause: t.expose("closedBecause", {
      type: UndoIsOverType,
      nullable: true,
      description: "Why it can no longer be taken back; null while it can.",
    }),
  }),
});

const PAYLOAD_UNDO =
  "How to take it back. Null when nothing was removed that can be, when it can be no longer, and with UNDO_SECONDS=0.";

builder.objectField(PurgeQueuePayload, "undo", (t) =>
  t.expose("undo", { type: UndoType, nullable: true, description: PAYLOAD_UNDO }),
);
builder.objectField(DeletePayload, "undo", (t) =>
  t.field({
    type: UndoType,
    nullable: true,
    description: `${PAYLOAD_UNDO} Null for all but queues and messages, and for messages that a claim was named for.`,
    resolve: ({ undo }) => undo ?? null,
  }),
);
builder.objectField(QueueType, "undo", (t) =>
  t.field({
    type: UndoType,
    nullable: true,
    description:
      "The newest thing that was removed from it and can still be taken back. All queues of a list cost one statement.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.undo", queue, (queues) =>
        context.operations.undo.openOf(context.access, {
          queues: queues.map(({ project, name }) => ({ project, name })),
        }),
      ),
  }),
);

builder.objectField(JobType, "undos", (t) =>
  t.field({
    type: [UndoType],
    complexity: { field: 1, multiplier: 10 },
    description:
      "How to take back what it deleted or purged, one for each queue: what is open now, the newest first, at most 100. One appears once the job is done with its queue, or has ended, also when it failed or was cancelled. All jobs of a list cost one statement, which has 1,000 of them.",
    resolve: (job, _args, context) =>
      batched(context, "Job.undos", job, (jobs) =>
        context.operations.undo.openOfJobs(context.access, { jobs: jobs.map(({ id }) => id) }),
      ),
  }),
);

builder.queryFields((t) => ({
  undo: t.field({
    type: UndoType,
    nullable: true,
    args: { token: t.arg.id({ required: true, description: "Its token." }) },
    description: "One undo, for a day after its time is over. Null when there is none.",
    resolve: (_root, { token }, { access, operations }) => operations.undo.find(access, { token: String(token) }),
  }),
  undos: t.field({
    type: [UndoType],
    args: projectsArgs,
    complexity: { field: 1, multiplier: 100 },
    description: "What can be taken back now, deleted queues too: the newest first, at most 100.",
    resolve: (_root, args, { access, operations }) => operations.undo.list(access, args),
  }),
}));

const UndoInput = builder.inputType("UndoInput", {
  description: "What to take back.",
  fields: (t) => ({
    token: t.id({ required: true, description: "The token of an Undo." }),
    reason: t.string(reasonField),
  }),
});

const UndoPayload = builder
  .objectRef<{ undo: UndoRecord; queue: QueueParent; messages: number | null }>("UndoPayload")
  .implement({
    description: "What was taken back.",
    fields: (t) => ({
      undo: t.expose("undo", { type: UndoType, description: "The undo, which is used now." }),
      queue: t.expose("queue", { type: QueueType, description: "The queue as it is now." }),
      messages: t.expose("messages", {
        type: "SafeInt",
        nullable: true,
        description:
          "How many messages came back: those that have expired since do not. Null when they are too many to be counted at once.",
      }),
    }),
  });

builder.mutationFields((t) => ({
  undo: t.field({
    type: UndoPayload,
    args: { input: t.arg({ type: UndoInput, required: true, description: "What to take back." }) },
    description:
      "Takes back a purge, the deletion of a queue, or a delete of messages without a claim; of a job, what it did in one queue. Messages come back with their ids, in their places, and held by no claim. Those that were posted since stay, with their claims. Subscriptions that a purge removed come back with new ids. A queue that was paused when it was deleted is paused again. UNDO_IS_OVER when it is too late: `details.because` says why.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { undo, queue, messages } = await operations.undo.undo(access, { token: String(input.token) });
      return { undo, queue: queueParent(queue), messages };
    },
  }),
}));
