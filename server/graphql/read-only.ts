/** The switch that makes the whole service read-only. */
import { MAX_REASON_LENGTH } from "../operations/audit/reason.ts";
import type { ReadOnly } from "../storage/read-only.ts";
import { builder } from "./schema/builder.ts";

const ReadOnlyType = builder.objectRef<ReadOnly>("ReadOnly").implement({
  description:
    "The service changes nothing that is asked for: mutations are SERVER_IS_READ_ONLY. Everything is read as always. Jobs wait at their next safe point; garbage collection and samples go on, and messages expire.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "Since when." }),
    actor: t.exposeString("actor", { description: "Who switched it on." }),
    reason: t.exposeString("reason", { description: "Why, in that person's words." }),
  }),
});

builder.queryFields((t) => ({
  readOnly: t.field({
    type: ReadOnlyType,
    nullable: true,
    description: "That the service is read-only; null while changes are allowed. May be a second old.",
    resolve: (_root, _args, { access, operations }) => operations.readOnly.get(access),
  }),
}));

const SetReadOnlyInput = builder.inputType("SetReadOnlyInput", {
  description: "Whether the service is to be read-only.",
  fields: (t) => ({
    on: t.boolean({ required: true, description: "True: it changes nothing from now on. False: changes are allowed." }),
    reason: t.string({
      description: `Why, for all whose changes are refused: 1 to ${MAX_REASON_LENGTH} characters. Needed with \`on: true\`. It is in the audit log too.`,
    }),
  }),
});
const SetReadOnlyPayload = builder.objectRef<{ readOnly: ReadOnly | null }>("SetReadOnlyPayload").implement({
  description: "The result of setReadOnly.",
  fields: (t) => ({
    readOnly: t.expose("readOnly", {
      type: ReadOnlyType,
      nullable: true,
      description: "That it is read-only; null when it is not.",
    }),
  }),
});

builder.mutationFields((t) => ({
  setReadOnly: t.field({
    type: SetReadOnlyPayload,
    args: { input: t.arg({ type: SetReadOnlyInput, required: true, description: "On or off, and why." }) },
    description:
      "Makes the whole service read-only, or allows changes again, in all processes within a second. A service that is read-only already stays so, with who began it and why. Beside this mutation, only those that end sessions and revoke tokens work then. Role admin in all projects.",
    resolve: async (_root, { input }, { access, operations }) => ({
      readOnly: await operations.readOnly.set(access, input),
    }),
  }),
}));
