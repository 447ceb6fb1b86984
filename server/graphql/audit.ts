import type { AuditEntry } from "../storage/control-driver.ts";
import { projectArgs } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";

const AuditOutcome = builder.enumType("AuditOutcome", {
  description: "How far an action came.",
  values: {
    INTENDED: {
      value: "intended",
      description: "It began. Unless it runs still, the process ended before it could say more.",
    },
    DONE: { value: "done", description: "It was done." },
    REFUSED: { value: "refused", description: "Its caller may not do it." },
    FAILED: { value: "failed", description: "It failed." },
  } as const,
});

const AuditEntryType = builder.objectRef<AuditEntry>("AuditEntry").implement({
  description: "Who did what. Entries are only ever added.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Its id." }),
    at: t.expose("at", { type: "DateTime", description: "When." }),
    actor: t.exposeString("actor", { description: "Who." }),
    action: t.exposeString("action", { description: "What, as the mutation is called." }),
    project: t.exposeString("project", { nullable: true, description: "In which project; null when it is about all." }),
    target: t.exposeString("target", { description: "On what." }),
    outcome: t.expose("outcome", { type: AuditOutcome, description: "How far it came." }),
    details: t.field({
      type: "JSON",
      description: "Before and after, the reason, counts. No secrets and no bodies.",
      resolve: (entry) => new RawJson(entry.detailsText),
    }),
    detailsText: t.exposeString("detailsText", { description: "The same as text." }),
    requestId: t.exposeString("requestId", { description: "The request that it came with." }),
  }),
});

const AuditEntryConnectionType = connectionType("AuditEntry", AuditEntryType, "audit entries");

builder.queryFields((t) => ({
  auditEntries: t.field({
    type: AuditEntryConnectionType,
    args: {
      ...projectArgs,
      actor: t.arg.string({ description: "Only what this actor did." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "What was done, newest first. Without a project: in all of them, for a caller who may see all.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.audit.list(access, { project: args.project, actor: args.actor, page: pageOf(args) }),
      cursorOf: ({ id }: AuditEntry) => id,
    }),
  }),
}));
