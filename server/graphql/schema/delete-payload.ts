/** The result of every mutation that deletes. */
import { chooseProject } from "../../access/access.ts";
import type { UndoRecord } from "../../operations/undo/undo.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { writeNodeId } from "./node.ts";

interface Deleted {
  deleted: number;
  ids: readonly string[];
  undo?: UndoRecord | null;
}

export const DeletePayload = builder.objectRef<Deleted>("DeletePayload").implement({
  description: "What was deleted. Deleting what is gone is no error: such a repeat counts 0.",
  fields: (t) => ({
    deleted: t.expose("deleted", { type: "SafeInt", description: "How many were deleted." }),
    ids: t.exposeIDList("ids", {
      description:
        "The ids of what was to be deleted, in the order given. None of it exists any more, so clients take these out of their caches.",
    }),
  }),
});

/** The result of deleting the node of a project that `input` names. */
export function deletedOf(
  type: "Queue" | "Flavor" | "CatalogueEntry",
  name: string,
  project: string | null | undefined,
  { access }: Pick<GraphQLContext, "access">,
  { deleted, undo }: Pick<Deleted, "deleted" | "undo">,
): Deleted {
  const permission = type === "Queue" ? "operate" : "administer";
  return { deleted, undo: undo ?? null, ids: [writeNodeId(type, [chooseProject(access, permission, project), name])] };
}
