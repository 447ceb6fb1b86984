import { builder } from "./schema/builder.ts";

const BY_SAMPLE = "By the last sample; a queue without one is left out.";
export const QueueFilter = builder.inputType("QueueFilter", {
  description: "Conditions on queues. Only queues that meet all that are given are listed.",
  fields: (t) => ({
    pool: t.string({ description: 'In this pool. "": in none, because the catalogue has no entry.' }),
    flavor: t.string({ description: 'With this `_flavor`. "": without one.' }),
    isDeadLetterQueue: t.boolean({
      description:
        "True: only queues that another queue of their project has as its `_dead_letter_queue`. False: only the others.",
    }),
    search: t.string({ description: "With names that begin with this." }),
    hasReady: t.boolean({ description: `With ready messages, or without. ${BY_SAMPLE}` }),
    hasClaimed: t.boolean({ description: `With claimed messages, or without. ${BY_SAMPLE}` }),
    hasDelayed: t.boolean({ description: `With delayed messages, or without. ${BY_SAMPLE}` }),
    hasExhausted: t.boolean({ description: `With exhausted messages, or without. ${BY_SAMPLE}` }),
    oldestReadyOlderThanSeconds: t.field({
      type: "SafeInt",
      description: `Whose oldest ready message was posted longer ago. ${BY_SAMPLE}`,
    }),
  }),
});
