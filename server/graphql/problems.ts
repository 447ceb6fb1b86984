/** What is wrong now, since when, and what fixes it. */
import { hasCode } from "../errors.ts";
import { MAX_SNOOZE_SECONDS, MIN_SNOOZE_SECONDS, problemDoesNotExist } from "../operations/problems/problems.ts";
import {
  MAX_WORST,
  MOST_FOUND,
  type ProblemGroup,
  type ProblemKind,
  type Severity,
  SINCE_FOUND,
} from "../problems/problem.ts";
import { anchorOf, type RunbookSection, runbook, runbookPath } from "../problems/runbook.ts";
import type { ProblemFix, ProblemRecord } from "../problems/text.ts";
import { JobType } from "./jobs.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { NodeType, nodeId, readNodeId } from "./schema/node.ts";

export const PROBLEM_KIND_DESCRIPTIONS: Record<ProblemKind, string> = {
  poolUnhealthy: "The pool cannot be reached, some operations fail there, or it is the same store as another pool.",
  poolFull: "The pool takes no writes: its disk or memory is full, or it is read-only.",
  poolEmptyAgain: "The pool came back without what its queues held.",
  exhausted: "The queue keeps messages that nobody can claim, because its dead letter queue does not exist.",
  stuck: "Messages are ready, and for five minutes nothing was given out. See `_stuck_seconds`.",
  consumerGone: "A consumer that claimed every few seconds claims no more. See `_consumer_gone_seconds`.",
  growing: "The queue grew in each of six minutes, and by 10 % in all. See `_growing_percent`.",
  claimsLapsing:
    "Of the messages that were claimed in ten minutes, over 5 % came back because their claim expired. See `_lapsing_percent`.",
  deadLettersArriving:
    "In ten minutes, five messages became dead letters, and more than is usual. See `_dead_letters_arriving`.",
  deadLetterQueueMissing: "The queue names a dead letter queue that does not exist. No message is held back yet.",
  jobFailed: "A job failed in the last week, and was not asked for again.",
  disk: "Little space is left for the pool.",
  gcBehind: "Garbage collection fails in the pool; or it comes too rarely, which is told of the pool `default`.",
  clockSkew: "The pool's clock differs from that of the control database.",
};
const enumName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const ProblemKindType = builder.enumType("ProblemKind", {
  description: "What is wrong.",
  values: Object.fromEntries(
    Object.entries(PROBLEM_KIND_DESCRIPTIONS).map(([value, description]) => [
      enumName(value),
      { value: value as ProblemKind, description },
    ]),
  ) as Record<string, { value: ProblemKind; description: string }>,
});

export const ProblemSeverity = builder.enumType("ProblemSeverity", {
  description: "How bad a problem is.",
  values: {
    CRITICAL: { value: "critical", description: "Something cannot work." },
    WARNING: { value: "warning", description: "It works, and gets worse or will fail." },
  } as Record<string, { value: Severity; description: string }>,
});

const FIX_DESCRIPTIONS: Record<ProblemFix, string> = {
  createDeadLetterQueue: "`createQueue` with the name in `queue { attributes { deadLetterQueue } }`.",
  releaseClaims: "`releaseClaim` for the claims that hold messages.",
  resume: "`resume`, of what `Queue.pause` names.",
  testPool: "`verifyPool` with the pool's URI.",
  updatePoolUri: "`updatePool` with its URI, even the same one.",
  drainPool: "`drainPool`, which moves its queues to other pools.",
  collectGarbage: "`collectGarbage`.",
  retryJob:
    "`moveQueue` or `drainPool` again; for a job on messages `dryRun` with its input, and `startJob`: see `job`.",
};
export const ProblemFixType = builder.enumType("ProblemFix", {
  description: "The mutation that fixes a problem.",
  values: Object.fromEntries(
    Object.entries(FIX_DESCRIPTIONS).map(([value, description]) => [
      enumName(value),
      { value: value as ProblemFix, description },
    ]),
  ) as Record<string, { value: ProblemFix; description: string }>,
});

const problemId = nodeId<ProblemRecord>("Problem", {
  length: 1,
  key: ({ id }) => [id],
  load: (keys, { access, operations }) => operations.problems.getMany(access, { ids: keys.map(([id = ""]) => id) }),
});

/** The id in the store. PROBLEM_DOES_NOT_EXIST for a text that is no id of a problem. */
function storedProblemId(id: string): string {
  const [stored] = readNodeId("Problem", id) ?? [];
  if (stored === undefined) throw problemDoesNotExist(id);
  return stored;
}

const namingProblem =
  (id: string) =>
  (error: unknown): never => {
    throw hasCode(error, "PROBLEM_DOES_NOT_EXIST") ? problemDoesNotExist(id) : error;
  };

const orNull = (text: string) => (text === "" ? null : text);

export const RUNBOOK_PATH =
  "Where the pages say what to do: a path below the address of the service, such as `/runbook#stuck`.";

export const ProblemType = builder.objectRef<ProblemRecord>("Problem").implement({
  description:
    "Something that is wrong with a queue, a pool or a job. It is found from data, so that every server process tells the same. It ends by itself a moment after its cause.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(problemId),
    kind: t.expose("kind", { type: ProblemKindType, description: "What is wrong." }),
    severity: t.expose("severity", { type: ProblemSeverity, description: "How bad it is." }),
    since: t.expose("since", {
      type: "DateTime",
      description:
        "Since when it is so, or with `sinceFound` since it was first found: up to a minute after it began, or later when nobody looked.",
    }),
    sinceFound: t.boolean({
      description:
        "True: nothing tells when it began, so `since` is when it was first found. So it is of a pool that is unhealthy, full or empty again, a disk, a clock, a missing dead letter queue and exhausted messages.",
      resolve: ({ kind }) => SINCE_FOUND.has(kind),
    }),
    seenAt: t.expose("seenAt", {
      type: "DateTime",
      description: "When it was last found. Of a queue of which nothing changes, that can be long ago.",
    }),
    text: t.exposeString("text", { description: "Who, how much and why: a sentence for people." }),
    evidence: t.exposeString("evidence", { description: "The numbers that it was concluded from, for people." }),
    advice: t.exposeString("advice", { description: "What to do, for people." }),
    fix: t.expose("fix", {
      type: ProblemFixType,
      nullable: true,
      description: "The mutation that fixes it; null when this service cannot.",
    }),
    runbook: t.string({
      description: `${RUNBOOK_PATH} \`Query.runbook\` has its text.`,
      resolve: ({ kind }) => runbookPath(kind),
    }),
    project: t.string({
      nullable: true,
      description: "The queue's project; null when it is about no queue.",
      resolve: ({ project, queue }) => (queue === "" ? null : project),
    }),
    queueName: t.string({
      nullable: true,
      description: "The queue's name; null when it is about no queue.",
      resolve: ({ queue }) => orNull(queue),
    }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) =>
        name === "" ? null : followQueue({ project, name }, context, info),
    }),
    poolName: t.string({
      nullable: true,
      description: "The pool's name; null when it is about no pool.",
      resolve: ({ pool }) => orNull(pool),
    }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => (name === "" ? null : followPool({ name }, context, info)),
    }),
    job: t.field({
      type: JobType,
      nullable: true,
      complexity: ASKING_THE_STORE,
      description: "The job that failed; null when it is about no job.",
      resolve: ({ job: id }, _args, context) =>
        id === ""
          ? null
          : batched(context, "Problem.job", id, (ids) => context.operations.jobs.getMany(context.access, { ids })),
    }),
    snoozedUntil: t.field({
      type: "DateTime",
      nullable: true,
      description: "Until when it is silent; null when it is not.",
      resolve: ({ snooze }) => snooze?.until ?? null,
    }),
    snoozedBy: t.string({
      nullable: true,
      description: "Who silenced it.",
      resolve: ({ snooze }) => snooze?.actor ?? null,
    }),
    snoozeReason: t.string({
      nullable: true,
      description: "Why.",
      resolve: ({ snooze }) => snooze?.reason ?? null,
    }),
  }),
});

const ProblemConnectionType = connectionType(
  "Problem",
  ProblemType,
  "problems",
  "How many problems the whole list has: exact up to 10,000, and unless there may be more than were found: see `ProblemGroup.exact`.",
);

const ProblemFilter = builder.inputType("ProblemFilter", {
  description: "Which problems are listed: those that meet every condition given.",
  fields: (t) => ({
    kinds: t.field({ type: [ProblemKindType], description: "Of these kinds." }),
    severities: t.field({ type: [ProblemSeverity], description: "As bad as that." }),
    project: t.string({ description: "Of queues of this project." }),
    queue: t.string({ description: "Of queues of this name." }),
    pool: t.string({ description: "Of the pool itself. Those of its queues are not." }),
    includeSnoozed: t.boolean({ defaultValue: false, description: "Also those that are silent." }),
  }),
});

const [{ most: MOST_QUEUES }, { most: MOST_JOBS }] = MOST_FOUND;
const MOST_TOLD = `Found are at most ${MOST_QUEUES} queues without their dead letter queue, and ${MOST_JOBS} failed jobs.`;

const ProblemGroupType = builder.objectRef<ProblemGroup>("ProblemGroup").implement({
  description: "All problems of a kind.",
  fields: (t) => ({
    kind: t.expose("kind", { type: ProblemKindType, description: "What is wrong." }),
    severity: t.expose("severity", { type: ProblemSeverity, description: "How bad the worst of them is." }),
    count: t.expose("count", { type: "SafeInt", description: "How many were found." }),
    exact: t.exposeBoolean("exact", {
      description: `False: there may be more. ${MOST_TOLD}`,
    }),
    since: t.expose("since", { type: "DateTime", description: "Since when, of the oldest." }),
    runbook: t.string({ description: RUNBOOK_PATH, resolve: ({ kind }) => runbookPath(kind) }),
    names: t.stringList({
      description: `The names of the queues or pools of the worst ones, at most ${MAX_WORST}.`,
      resolve: ({ worst }) => worst.map(({ queue, pool }) => queue || pool),
    }),
    worst: t.field({
      type: [ProblemType],
      complexity: { field: ASKING_THE_STORE, multiplier: MAX_WORST },
      description: `The worst ones, at most ${MAX_WORST}. Those of all kinds cost one statement.`,
      resolve: ({ worst }, _args, context) =>
        batched(context, "ProblemGroup.worst", worst, async (groups) => {
          const ids = groups.flatMap((group) => group.map(({ id }) => id));
          const found = (await context.operations.problems.getMany(context.access, { ids })).values();
          // One may have ended meanwhile.
          return groups.map((group) => group.map(() => found.next().value ?? null).filter((one) => one !== null));
        }),
    }),
  }),
});

const RunbookSectionType = builder.objectRef<RunbookSection>("RunbookSection").implement({
  description: "What to do about a kind of problem.",
  fields: (t) => ({
    kind: t.expose("kind", { type: ProblemKindType, description: "Of these problems." }),
    title: t.exposeString("title", { description: "Its title." }),
    anchor: t.string({
      description: "Its anchor on the page of the runbook.",
      resolve: ({ kind }) => anchorOf(kind),
    }),
    text: t.exposeString("text", {
      description: "When such a problem is found, when it ends, and what to do: Markdown.",
    }),
  }),
});

builder.queryFields((t) => ({
  runbook: t.field({
    type: [RunbookSectionType],
    description: "What to do about problems: a section for each kind. Everybody may read it.",
    resolve: () => runbook(),
  }),
  problems: t.field({
    type: ProblemConnectionType,
    args: { filter: t.arg({ type: ProblemFilter, description: "Which. Left out: all but silent ones." }), ...pageArgs },
    complexity: pageCost,
    description:
      "What is wrong now, critical problems first, then the oldest. A caller who may see only some projects sees the problems of their queues, and those of pools.",
    resolve: async (_root, { filter, ...args }, { access, operations }) => {
      const { includeSnoozed, ...rest } = filter ?? {};
      const choice = { ...rest, includeSnoozed: includeSnoozed ?? false };
      return {
        page: await operations.problems.list(access, { ...choice, page: pageOf(args, "problems") }),
        order: "problems" as const,
        count: () => operations.problems.count(access, choice),
      };
    },
  }),
  problemSummary: t.field({
    type: [ProblemGroupType],
    complexity: ASKING_THE_STORE,
    description: "How many problems of each kind there are, the worst kind first, without silent ones. One statement.",
    resolve: (_root, _args, { access, operations }) => operations.problems.summary(access, {}),
  }),
}));

builder.objectFields(QueueType, (t) => ({
  problems: t.field({
    type: [ProblemType],
    complexity: ASKING_THE_STORE,
    description:
      "What is wrong with it, the worst first, also what is silent. All queues of a list cost one statement.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.problems", addressOf(queue), (queues) =>
        context.operations.problems.ofQueues(context.access, { queues }),
      ),
  }),
}));

builder.objectFields(PoolType, (t) => ({
  problems: t.field({
    type: [ProblemType],
    complexity: ASKING_THE_STORE,
    description:
      "What is wrong with it, the worst first, also what is silent. Those of its queues are not among them. All pools of a list cost one statement.",
    resolve: ({ name }, _args, context) =>
      batched(context, "Pool.problems", name, (pools) =>
        context.operations.problems.ofPools(context.access, { pools }),
      ),
  }),
}));

const SnoozeProblemInput = builder.inputType("SnoozeProblemInput", {
  description: "A problem that is to be silent, for how long, and why.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The problem's id." }),
    seconds: t.field({
      type: "SafeInt",
      required: true,
      description: `For how long: ${MIN_SNOOZE_SECONDS} to ${MAX_SNOOZE_SECONDS} seconds.`,
    }),
    reason: t.string({ required: true, description: "Why, for the others: 1 to 500 characters." }),
  }),
});
const UnsnoozeProblemInput = builder.inputType("UnsnoozeProblemInput", {
  description: "A problem that is to be told again.",
  fields: (t) => ({ id: t.id({ required: true, description: "The problem's id." }), reason: t.string(reasonField) }),
});
const ProblemPayload = builder.objectRef<{ problem: ProblemRecord }>("ProblemPayload").implement({
  description: "A problem that was changed.",
  fields: (t) => ({ problem: t.expose("problem", { type: ProblemType, description: "The problem as it is now." }) }),
});

builder.mutationFields((t) => ({
  snoozeProblem: t.field({
    type: ProblemPayload,
    args: { input: t.arg({ type: SnoozeProblemInput, required: true, description: "The problem." }) },
    description:
      "Silences a problem: lists, summaries and warnings leave it out until then, also when it ends and comes again. It replaces an earlier snooze of the same problem. Role operator; for a pool, admin.",
    resolve: async (_root, { input }, { access, operations }) => ({
      problem: await operations.problems
        .snooze(access, { ...input, id: storedProblemId(input.id) })
        .catch(namingProblem(input.id)),
    }),
  }),
  unsnoozeProblem: t.field({
    type: ProblemPayload,
    args: { input: t.arg({ type: UnsnoozeProblemInput, required: true, description: "The problem." }) },
    description: "Ends the silence of a problem. Role operator; for a pool, admin.",
    resolve: async (_root, { input }, { access, operations }) => ({
      problem: await operations.problems
        .unsnooze(access, { id: storedProblemId(input.id) })
        .catch(namingProblem(input.id)),
    }),
  }),
}));
