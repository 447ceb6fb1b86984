import type { AuditEntry } from "../storage/control-driver.ts";
import { projectArgs } from "./schema/addresses.ts";
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
    outcome: t.expose("outcome", { type: AuditOutcome, description: "Its outcome." }),
    details: t.field({
      type: "JSON",
      description: "Before and after, the reason, counts. No secrets and no bodies.",
      resolve: (entry) => new RawJson(entry.detailsText),
    }),
    detailsText: t.exposeString("detailsText", { description: "The same as JSON text." }),
    requestId: t.exposeString("requestId", { description: "The id of the request." }),
  }),
});

const AuditEntryConnectionType = connectionType("AuditEntry", AuditEntryType, "audit entries");

builder.queryFields((t) => ({
  auditEntries: t.field({
    type: AuditEntryConnectionType,
    args: {
      ...projectArgs,
      actor: t.arg.string({ description: "Only what this actor did." }),
      target: t.arg.string({ description: "Only what was done to this: the name of a queue, a pool, and so on." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "The audit log, newest first. Without a project: of all projects, only for callers who may see all.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.audit.list(access, {
        project: args.project,
        actor: args.actor,
        target: args.target,
        page: pageOf(args, "auditEntries"),
      }),
      order: "auditEntries" as const,
    }),
  }),
}));
