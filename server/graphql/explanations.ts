/** Why the messages of a queue wait. */
import type { Explanation } from "../operations/problems/explanations.ts";
import { REASON_KINDS, type Reason } from "../problems/explain.ts";
import { PROBLEM_KINDS } from "../problems/problem.ts";
import { runbookPathOf } from "../problems/runbook.ts";
import { PROBLEM_KIND_DESCRIPTIONS, ProblemFixType, ProblemSeverity, ProblemType, RUNBOOK_PATH } from "./problems.ts";
import { addressOf, QueueType } from "./queue-types.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { PROBING } from "./schema/connection.ts";

const KINDS: Record<(typeof REASON_KINDS)[number], string> = {
  paused: "The queue, its project or everything is paused: see `Queue.pause`.",
  poolUnreachable: "The queue's pool cannot be reached.",
  writesRefused: "The queue's pool takes no writes.",
  moving: "The queue moves to another pool.",
  exhausted: PROBLEM_KIND_DESCRIPTIONS.exhausted,
  allClaimed: "Claims hold messages, all of them if nothing else is told.",
  delayed: "Messages are delayed.",
  noConsumer: "Nobody claims from the queue or pops from it.",
  waitingTurn: "Messages are ready, and nothing is known to be wrong.",
  empty: "Nothing waits.",
  unknown: "The pool did not answer in time.",
};
const enumName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const described = { ...PROBLEM_KIND_DESCRIPTIONS, ...KINDS };
const ReasonKindType = builder.enumType("ExplanationReasonKind", {
  description: "A kind of reason.",
  values: Object.fromEntries(
    [...new Set([...REASON_KINDS, ...PROBLEM_KINDS])].map((value) => [
      enumName(value),
      { value, description: described[value] },
    ]),
  ) as Record<string, { value: Reason["kind"]; description: string }>,
});

const ReasonType = builder.objectRef<Reason>("ExplanationReason").implement({
  description: "One reason why messages wait.",
  fields: (t) => ({
    kind: t.expose("kind", { type: ReasonKindType, description: "Its kind." }),
    severity: t.expose("severity", {
      type: ProblemSeverity,
      nullable: true,
      description:
        "How bad it is; null when nothing is wrong, such as with a delay, and for a problem that is snoozed.",
    }),
    text: t.exposeString("text", { description: "Who, how much and for how long: for people." }),
    since: t.expose("since", { type: "DateTime", nullable: true, description: "Since when, if that is known." }),
    until: t.expose("until", {
      type: "DateTime",
      nullable: true,
      description: "When it ends by itself, if that is known: the last claim expires, the next delay ends.",
    }),
    fix: t.expose("fix", { type: ProblemFixType, nullable: true, description: "The mutation that helps." }),
    runbook: t.string({
      nullable: true,
      description: `${RUNBOOK_PATH} Null when nothing is wrong.`,
      resolve: ({ kind }) => runbookPathOf(kind),
    }),
    claimIds: t.idList({
      description: "With RELEASE_CLAIMS: the claims that hold the messages, the oldest ones, at most 100.",
      resolve: ({ claimIds }) => claimIds,
    }),
    deadLetterQueueName: t.exposeString("deadLetterQueue", {
      nullable: true,
      description: "With CREATE_DEAD_LETTER_QUEUE: the name of the queue to create.",
    }),
    problem: t.field({
      type: ProblemType,
      nullable: true,
      description: "The problem that says so; null for a reason that was found just now.",
      resolve: ({ problem }) => problem,
    }),
  }),
});

const ExplanationType = builder.objectRef<Explanation>("QueueExplanation").implement({
  description: "Why the messages of a queue wait, read just now.",
  fields: (t) => ({
    asOf: t.expose("asOf", { type: "DateTime", description: "When it was read." }),
    reasons: t.field({
      type: [ReasonType],
      description: "Why, the most important reason first, and problems that are snoozed last. At least one.",
      resolve: ({ reasons }) => reasons,
    }),
    ruledOut: t.exposeStringList("ruledOut", { description: "What was looked at and is no reason: sentences." }),
  }),
});

builder.objectFields(QueueType, (t) => ({
  explanation: t.field({
    type: ExplanationType,
    nullable: true,
    complexity: { field: PROBING, multiplier: 1 },
    description:
      "Why its messages wait. Probes its pool like `health`, and reads its claims, consumers and problems. What does not answer within four seconds is left out. Null when the queue is gone.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.explanation", addressOf(queue), (queues) =>
        context.operations.explanations.explain(context.access, { queues }),
      ),
  }),
}));
