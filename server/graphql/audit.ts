import { type GraphQLSchema, getNamedType, isInputObjectType } from "graphql";
import type { AuditEntry } from "../storage/control-driver.ts";
import { JobType } from "./jobs.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { projectArgs } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";
import { NodeType, nodeId } from "./schema/node.ts";

const AuditOutcome = builder.enumType("AuditOutcome", {
  description: "The outcome of an action.",
  values: {
    INTENDED: {
      value: "intended",
      description: "It began. It is still running, or its process ended before it could record the outcome.",
    },
    DONE: { value: "done", description: "It was done." },
    REFUSED: { value: "refused", description: "Its caller has no right to do it." },
    FAILED: { value: "failed", description: "It failed." },
  } as const,
});

const auditEntryId = nodeId<AuditEntry>("AuditEntry", {
  length: 1,
  key: ({ id }) => [id],
  load: (keys, { access, operations }) => operations.audit.getMany(access, { ids: keys.map(([id = ""]) => id) }),
});

const TARGET_KINDS = {
  QUEUE: { value: "queue", description: "A queue, or something in it." },
  FLAVOR: { value: "flavor", description: "A flavor." },
  POOL: { value: "pool", description: "A pool." },
  STORE: { value: "store", description: "A key-value store, or something in it." },
} as const;
type TargetKind = (typeof TARGET_KINDS)[keyof typeof TARGET_KINDS]["value"];
const AuditTargetKind = builder.enumType("AuditTargetKind", {
  description: "What the target of an action is.",
  values: TARGET_KINDS,
});

/** What the target of each action is. A mutation says so by what its input names; the first name counts. */
const kindsOf = new WeakMap<GraphQLSchema, Map<string, TargetKind>>();

function targetKinds(schema: GraphQLSchema): Map<string, TargetKind> {
  const known = kindsOf.get(schema);
  if (known !== undefined) return known;
  const kinds = new Map<string, TargetKind>();
  for (const { name, args } of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const input = getNamedType(args[0]?.type);
    const names = isInputObjectType(input) ? input.getFields() : {};
    const kind = Object.values(TARGET_KINDS).find(({ value }) => value in names)?.value;
    if (kind !== undefined) kinds.set(name, kind);
  }
  kindsOf.set(schema, kinds);
  return kinds;
}

/** Null for what it was done to all of. */
const kindOf = (entry: AuditEntry, schema: GraphQLSchema) =>
  entry.target === "*" ? null : (targetKinds(schema).get(entry.action) ?? null);

/** The id of the job that an entry tells of. */
function jobOf({ detailsText }: AuditEntry): string | null {
  const { job } = JSON.parse(detailsText) as { job?: unknown };
  return typeof job === "string" ? job : null;
}

const AuditEntryType = builder.objectRef<AuditEntry>("AuditEntry").implement({
  description: "Who did what, and when. Entries are never changed.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(auditEntryId),
    at: t.expose("at", { type: "DateTime", description: "When it happened." }),
    actor: t.exposeString("actor", { description: "Who did it." }),
    action: t.exposeString("action", { description: "What was done: the name of the mutation." }),
    project: t.exposeString("project", {
      nullable: true,
      description: "The project; null when it concerns all of them.",
    }),
    target: t.exposeString("target", { description: "What it was done to." }),
    targetKind: t.field({
      type: AuditTargetKind,
      nullable: true,
      description: "What the target is; null for all of a kind, and for what has no page.",
      resolve: (entry, _args, _context, info) => kindOf(entry, info.schema),
    }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue, if the target is one. ${QUEUE_REFERENCE}`,
      resolve: (entry, _args, context, info) =>
        kindOf(entry, info.schema) === "queue" && entry.project !== null
          ? followQueue({ project: entry.project, name: entry.target }, context, info)
          : null,
    }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool, if the target is one. ${POOL_REFERENCE}`,
      resolve: (entry, _args, context, info) =>
        kindOf(entry, info.schema) === "pool" ? followPool({ name: entry.target }, context, info) : null,
    }),
    job: t.field({
      type: JobType,
      nullable: true,
      description:
        "The job that was started or changed. Null for other actions, and when the job is not kept any more.",
      resolve: (entry, _args, context) => {
        const id = jobOf(entry);
        if (id === null) return null;
        return batched(context, "AuditEntry.job", id, (ids) =>
          context.operations.jobs.getMany(context.access, { ids }),
        );
      },
    }),
    outcome: t.expose("outcome", { type: AuditOutcome, description: "Its outcome." }),
    details: t.field({
      type: "JSON",
      description: "Before and after, counts, the code of an error. No secrets and no bodies.",
      resolve: (entry) => new RawJson(entry.detailsText),
    }),
    detailsText: t.exposeString("detailsText", { description: "The same as JSON text." }),
    reason: t.exposeString("reason", { nullable: true, description: "Why, in the words of the actor." }),
    address: t.exposeString("address", {
      nullable: true,
      description: "The client's IP address. Null for what the service did itself.",
    }),
    requestId: t.exposeString("requestId", {
      description: "The id of the request. Its answer has the same one in the header X-Request-Id.",
    }),
  }),
});

const AuditEntryConnectionType = connectionType("AuditEntry", AuditEntryType, "audit entries");

builder.queryFields((t) => ({
  auditEntries: t.field({
    type: AuditEntryConnectionType,
    args: {
      ...projectArgs,
      actor: t.arg.string({ description: "Only what this actor did." }),
      action: t.arg.string({ description: "Only this action: the name of a mutation." }),
      target: t.arg.string({ description: "Only what was done to this: the name of a queue, a pool, and so on." }),
      outcome: t.arg({ type: AuditOutcome, description: "Only with this outcome." }),
      requestId: t.arg.string({ description: "Only what this request did." }),
      from: t.arg({ type: "DateTime", description: "From this time on." }),
      to: t.arg({ type: "DateTime", description: "Before this time." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description:
      "The audit log, newest first. Without a project: of all projects, only for callers who may see all. It has administrative changes, refusals, and what people do on pages. What programs do with messages, claims, subscriptions and keys is in it only if they give a `reason`.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.audit.list(access, { ...args, page: pageOf(args, "auditEntries") }),
      order: "auditEntries" as const,
    }),
  }),
}));
