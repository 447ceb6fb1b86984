import type { ProjectRecord } from "../operations/projects.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, CountType, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { NodeType, nodeId } from "./schema/node.ts";

const projectId = nodeId<ProjectRecord>("Project", {
  length: 1,
  key: ({ name }) => [name],
  load: (keys, { access, operations }) =>
    operations.projects.getMany(access, { names: keys.map(([name = ""]) => name) }),
});

export const ProjectType = builder.objectRef<ProjectRecord>("Project").implement({
  description: "A project: queues of different projects never meet.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(projectId),
    name: t.exposeString("name", { description: 'Its name; "" is the project without a name.' }),
    queueCount: t.field({
      type: CountType,
      complexity: ASKING_THE_STORE,
      description: "How many queues it has: exact up to 10,000.",
      resolve: ({ name }, _args, context) =>
        batched(context, "Project.queueCount", name, (projects) =>
          context.operations.queues.countByProjects(context.access, { projects }),
        ),
    }),
  }),
});

const ProjectConnectionType = connectionType("Project", ProjectType, "projects");

builder.queryFields((t) => ({
  projects: t.field({
    type: ProjectConnectionType,
    args: { search: t.arg.string({ description: "Only projects whose names begin with this." }), ...pageArgs },
    complexity: pageCost,
    description: "The projects that you may see, by name: those with queues, or all of yours if you may see only some.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.projects.list(access, { search: args.search, page: pageOf(args, "projects") }),
      order: "projects" as const,
    }),
  }),
}));
