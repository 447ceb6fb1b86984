"use client";

import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { SET_READ_ONLY } from "./documents.ts";

const because = z.object({
  reason: z.string().trim().min(1, "Say why. All whose changes are refused see it.").max(1000),
});

export default function ReadOnlyForm() {
  return (
    <FormDialog
      title="Make the service read-only"
      description="Producers and consumers get errors until changes are allowed again, in all processes within a second."
      submitLabel="Make read-only"
      submitKind="danger"
      document={SET_READ_ONLY}
      schema={because}
      defaults={{ reason: "" }}
      variables={({ reason }) => ({ input: { on: true, reason } })}
      done={() => "The service is read-only."}
    >
      <TextField name="reason" label="Reason" description="All whose changes are refused see it, and your name." />
    </FormDialog>
  );
}
