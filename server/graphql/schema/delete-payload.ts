/** The result of every mutation that deletes. */
import { builder } from "./builder.ts";

export const DeletePayload = builder.objectRef<{ deleted: number }>("DeletePayload").implement({
  description: "What was deleted. Deleting what is gone is no error: such a repeat counts 0.",
  fields: (t) => ({ deleted: t.expose("deleted", { type: "SafeInt", description: "How many were deleted." }) }),
});
