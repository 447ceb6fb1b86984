import { chooseProject } from "../access/access.ts";
import type { FlavorRecord } from "../operations/flavors.ts";
import { isOfSeveral } from "../operations/input/names.ts";
import { CapabilityType, PoolType } from "./pools.ts";
import { orNull, projectArgs, projectField, projectsArgs, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { ListOrder } from "./schema/cursor.ts";
import { DeletePayload, deletedOf } from "./schema/delete-payload.ts";
import { confirmationTokenField, DropAllPayload } from "./schema/drop-all.ts";
import { NodeType, nodeId } from "./schema/node.ts";
import { followReferences } from "./schema/references.ts";

const flavorId = nodeId<FlavorRecord>("Flavor", {
  length: 2,
  key: ({ project, name }) => [project, name],
  load: (keys, { access, operations }) =>
    operations.flavors.getMany(access, { flavors: keys.map(([project, flavor = ""]) => ({ project, flavor })) }),
});

const FlavorType = builder.objectRef<FlavorRecord>("Flavor");
FlavorType.implement({
  interfaces: [NodeType],
  description: "A named group of pools that a queue can ask for with `_flavor`.",
  fields: (t) => ({
    id: t.id(flavorId),
    project: t.exposeString("project", { description: "Its project." }),
    name: t.exposeString("name", { description: "Its name." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed." }),
    pools: t.field({
      type: [PoolType],
      complexity: { field: ASKING_THE_STORE, multiplier: 10 },
      description: "Its pools by name. All flavors of a list cost one statement.",
      resolve: ({ name }, _args, context) =>
        batched(context, "Flavor.pools", name, (flavors) =>
          context.operations.pools.getByFlavors(context.access, { flavors }),
        ),
    }),
    capabilities: t.field({
      type: [CapabilityType],
      nullable: true,
      complexity: ASKING_THE_STORE,
      description: "What its first pool can do. Null when it has none, or that one is unreachable now.",
      resolve: ({ project, name }, _args, context) =>
        batched(context, "Flavor.capabilities", { project, flavor: name }, (flavors) =>
          context.operations.flavors.capabilitiesOfMany(context.access, { flavors }),
        ),
    }),
  }),
});

const followFlavor = followReferences<{ project: string; name: string }, FlavorRecord>(
  "Flavor",
  (flavors, { access, operations }) =>
    operations.flavors.getMany(access, {
      flavors: flavors.map(({ project, name }) => ({ project, flavor: name })),
    }),
);

builder.objectFields(PoolType, (t) => ({
  flavor: t.field({
    type: FlavorType,
    nullable: true,
    args: projectArgs,
    description:
      "The flavor that it belongs to in a project. Null: it has none, or the project has no flavor of that name. All pools of a list cost one statement.",
    resolve: ({ flavor }, { project }, context, info) =>
      flavor === null
        ? null
        : followFlavor({ project: chooseProject(context.access, "read", project), name: flavor }, context, info),
  }),
}));

const FlavorConnectionType = connectionType("Flavor", FlavorType, "flavors");

builder.queryFields((t) => ({
  flavor: t.field({
    type: FlavorType,
    nullable: true,
    args: { ...projectArgs, flavor: t.arg.string({ required: true, description: "The flavor's name." }) },
    description: "One flavor; null when none has that name.",
    resolve: (_root, args, { access, operations }) =>
      orNull(operations.flavors.get(access, args), "FLAVOR_DOES_NOT_EXIST"),
  }),
  flavors: t.field({
    type: FlavorConnectionType,
    args: {
      ...projectsArgs,
      ...pageArgs,
    },
    complexity: pageCost,
    description: "A project's flavors by name, or those of all projects by project and name.",
    resolve: async (_root, args, { access, operations }) => {
      const { project, allProjects } = args;
      const order: ListOrder = isOfSeveral(access, "read", allProjects) ? "flavors.all" : "flavors";
      const page = await operations.flavors.list(access, { project, allProjects, page: pageOf(args, order) });
      return { page, order };
    },
  }),
}));

const flavorField = { required: true, description: "The flavor's name." } as const;

const verifyField = {
  defaultValue: true,
  required: true,
  description: "Check that the pools can do what the flavor's first pool can. False accepts pools that do not run yet.",
} as const;

const CreateFlavorInput = builder.inputType("CreateFlavorInput", {
  description: "The flavor to create.",
  fields: (t) => ({
    project: t.string(projectField),
    flavor: t.string(flavorField),
    pools: t.stringList({
      required: true,
      defaultValue: [],
      description: "Names of pools that join it. At least one, unless a pool has this flavor already.",
    }),
    verify: t.boolean(verifyField),
    replace: t.boolean({
      defaultValue: false,
      required: true,
      description: "Add the pools to an existing flavor instead of refusing.",
    }),
    reason: t.string(reasonField),
  }),
});
const CreateFlavorPayload = builder
  .objectRef<{ flavor: FlavorRecord; created: boolean }>("CreateFlavorPayload")
  .implement({
    description: "The result of createFlavor.",
    fields: (t) => ({
      flavor: t.expose("flavor", { type: FlavorType, description: "The flavor." }),
      created: t.exposeBoolean("created", { description: "False: it existed, and the pools joined it." }),
    }),
  });
const UpdateFlavorInput = builder.inputType("UpdateFlavorInput", {
  description: "A flavor and its pools.",
  fields: (t) => ({
    project: t.string(projectField),
    flavor: t.string(flavorField),
    pools: t.stringList({
      required: true,
      description: "Names of pools, at least one. Exactly these are its pools from now on.",
    }),
    verify: t.boolean(verifyField),
    reason: t.string(reasonField),
  }),
});
const FlavorPayload = builder.objectRef<{ flavor: FlavorRecord }>("FlavorPayload").implement({
  description: "A flavor that was changed.",
  fields: (t) => ({ flavor: t.expose("flavor", { type: FlavorType, description: "The flavor as it is now." }) }),
});
const DeleteFlavorInput = builder.inputType("DeleteFlavorInput", {
  description: "The flavor to delete.",
  fields: (t) => ({ project: t.string(projectField), flavor: t.string(flavorField), reason: t.string(reasonField) }),
});

const DropAllFlavorsInput = builder.inputType("DropAllFlavorsInput", {
  description: "The project or all of them, and the confirmation of a dry run.",
  fields: (t) => ({
    project: t.string(projectField),
    allProjects: t.boolean({
      defaultValue: false,
      required: true,
      description: "All projects instead of one. Only for callers who may see all projects.",
    }),
    confirmationToken: t.string(confirmationTokenField),
    reason: t.string(reasonField),
  }),
});

builder.mutationFields((t) => ({
  createFlavor: t.field({
    type: CreateFlavorPayload,
    args: { input: t.arg({ type: CreateFlavorInput, required: true, description: "The flavor." }) },
    description: "Creates a flavor and adds pools to it. Each must be able to do what its first pool can.",
    resolve: (_root, { input }, { access, operations }) => operations.flavors.create(access, input),
  }),
  updateFlavor: t.field({
    type: FlavorPayload,
    args: { input: t.arg({ type: UpdateFlavorInput, required: true, description: "The flavor and its pools." }) },
    description: "Sets the pools of a flavor. Queues stay where they are.",
    resolve: async (_root, { input }, { access, operations }) => ({
      flavor: await operations.flavors.update(access, input),
    }),
  }),
  deleteFlavor: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteFlavorInput, required: true, description: "The flavor." }) },
    description:
      "Deletes a flavor. Its queues stay where they are; new ones can no longer name it. Pools whose last project drops the flavor take queues without a flavor from then on.",
    resolve: async (_root, { input }, { access, operations }) =>
      deletedOf("Flavor", input.flavor, input.project, { access }, await operations.flavors.delete(access, input)),
  }),
  dropAllFlavors: t.field({
    type: DropAllPayload,
    args: {
      input: t.arg({ type: DropAllFlavorsInput, required: true, description: "A dry run, or its confirmation." }),
    },
    description:
      "Deletes all flavors of a project, or of all projects. Queues stay where they are; new ones can no longer name these flavors. Pools whose last project drops the flavor take queues without a flavor from then on.",
    resolve: (_root, { input }, { access, operations }) => operations.flavors.dropAll(access, input),
  }),
}));
