import type { ObjectRef } from "@pothos/core";
import type { Verdict, VerdictSubject } from "../operations/verdicts.ts";
import { JobType } from "./jobs.ts";
import { PoolType } from "./pools.ts";
import { ProblemType } from "./problems.ts";
import { ProjectType } from "./projects.ts";
import { QueueType } from "./queue-types.ts";
import { builder } from "./schema/builder.ts";
import { ViewerType } from "./viewer.ts";

const VerdictType = builder.objectRef<Verdict>("Verdict").implement({
  description: "Whether you may call a mutation.",
  fields: (t) => ({
    mutation: t.exposeString("mutation", { description: "The mutation's name." }),
    allowed: t.boolean({
      description: "Whether your rights allow it, and the service is not read-only. It can fail for other reasons.",
      resolve: ({ reason }) => reason === null,
    }),
    reason: t.exposeString("reason", { nullable: true, description: "Why not, for people. Null when it is allowed." }),
    projects: t.stringList({
      nullable: true,
      description:
        "Where your rights allow it, whatever this verdict is about; null in all projects, and for what belongs to none.",
      resolve: ({ projects }) => (projects === "all" ? null : [...projects]),
    }),
  }),
});

function verdictsOf<T>(
  type: ObjectRef<typeof builder.$inferSchemaTypes, T, T>,
  description: string,
  subjectOf: (parent: T) => VerdictSubject,
  name = "viewerCan",
): void {
  builder.objectField(type, name, (t) =>
    t.field({
      type: [VerdictType],
      nullable: true,
      args: { mutations: t.arg.stringList({ description: "These, in this order. Left out: all, by name." }) },
      // It asks no store, but for the read-only switch once a second.
      complexity: { field: 1, multiplier: 1 },
      description,
      resolve: (parent, { mutations }, { access, operations }) =>
        operations.verdicts.of(access, { mutations, subject: subjectOf(parent as T) }),
    }),
  );
}

verdictsOf(ViewerType, "Which mutations you may call at all, for something.", () => "anything", "can");
verdictsOf(ProjectType, "Which mutations you may call in it.", ({ name }) => [name]);
verdictsOf(QueueType, "Which mutations you may call for it.", ({ project }) => [project]);
verdictsOf(PoolType, "Which mutations you may call for it. It belongs to no project.", () => "none");
verdictsOf(JobType, "Which mutations you may call for it.", ({ kind, projects }) =>
  kind === "drainPool" ? "none" : projects,
);
verdictsOf(ProblemType, "Which mutations you may call for it.", ({ project, queue }) =>
  queue === "" ? "none" : [project],
);
