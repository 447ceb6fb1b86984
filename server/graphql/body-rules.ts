/** Who reads the bodies of messages. */
import { MAX_MASKED_PATHS } from "../operations/bodies/bodies.ts";
import type { ProjectRule } from "../operations/bodies/rule-book.ts";
import { ProjectType } from "./projects.ts";
import { projectField, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";
import { RoleType } from "./viewer.ts";

const READ_BY = "The lowest role that reads bodies and headers in full.";
const MASKED_PATHS =
  'What others do not see of a body: paths such as `$.card.number`, `$.items[*].secret`, `$["a.b"]` or `$..password`. None: they see nothing of it.';

const BodyRuleType = builder.objectRef<ProjectRule>("BodyRule").implement({
  description:
    "Who reads the bodies and headers of a project's messages, and what others see of them, wherever messages are shown. A token counts as VIEWER with the scope read, as OPERATOR with manage and as ADMIN with administer; what it claims or pops it sees in full.",
  fields: (t) => ({
    readBy: t.expose("readBy", { type: RoleType, description: READ_BY }),
    maskedPaths: t.field({ type: ["String"], description: MASKED_PATHS, resolve: (rule) => [...rule.maskedPaths] }),
    actor: t.exposeString("actor", {
      nullable: true,
      description: "Who set it; null for the rule that applies unset.",
    }),
    at: t.expose("at", { type: "DateTime", nullable: true, description: "When it was set; null as `actor`." }),
  }),
});

builder.objectFields(ProjectType, (t) => ({
  bodyRule: t.field({
    type: BodyRuleType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: "Who reads the bodies of its messages. Until it is set: OPERATOR, and others see nothing of them.",
    resolve: ({ name }, _args, context) =>
      batched(context, "Project.bodyRule", name, (projects) =>
        context.operations.bodies.rules(context.access, { projects }),
      ),
  }),
}));

const SetBodyRuleInput = builder.inputType("SetBodyRuleInput", {
  description: "The project, and who reads the bodies of its messages.",
  fields: (t) => ({
    project: t.string(projectField),
    readBy: t.field({ type: RoleType, required: true, description: READ_BY }),
    maskedPaths: t.stringList({
      required: true,
      defaultValue: [],
      description: `${MASKED_PATHS} At most ${MAX_MASKED_PATHS}.`,
    }),
    reason: t.string(reasonField),
  }),
});
const SetBodyRulePayload = builder.objectRef<{ bodyRule: ProjectRule }>("SetBodyRulePayload").implement({
  description: "The result of setBodyRule.",
  fields: (t) => ({ bodyRule: t.expose("bodyRule", { type: BodyRuleType, description: "The rule." }) }),
});

builder.mutationFields((t) => ({
  setBodyRule: t.field({
    type: SetBodyRulePayload,
    args: { input: t.arg({ type: SetBodyRuleInput, required: true, description: "The project and its rule." }) },
    description:
      "Sets who reads the bodies of a project's messages. It replaces the rule, and applies everywhere within a second, to messages that are there already as well.",
    resolve: async (_root, { input }, { access, operations }) => ({
      bodyRule: await operations.bodies.setRule(access, input),
    }),
  }),
}));
