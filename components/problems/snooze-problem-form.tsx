"use client";

import { FormDialog } from "../form-dialog.tsx";
import { SelectField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { SNOOZE_PROBLEM } from "./documents.ts";

const CHOICES = [
  { value: "3600", label: "1 hour" },
  { value: "28800", label: "8 hours" },
  { value: "86400", label: "1 day" },
  { value: "604800", label: "1 week" },
];

const schema = z.object({ seconds: z.string(), reason: z.string().trim().min(1, "Say why, for the others.") });

/** Silences one problem. */
export default function SnoozeProblemForm({ id, text }: { id: string; text: string }) {
  return (
    <FormDialog
      title="Silence this problem"
      description={`${text} It is left out everywhere until then, also if it ends and comes back. The audit log keeps who did it.`}
      submitLabel="Silence"
      document={SNOOZE_PROBLEM}
      schema={schema}
      defaults={{ seconds: "3600", reason: "" }}
      variables={({ seconds, reason }) => ({ input: { id, seconds: Number(seconds), reason } })}
      done={() => "The problem is silent."}
    >
      <SelectField name="seconds" label="For" choices={CHOICES} />
      <TextField name="reason" label="Reason" />
    </FormDialog>
  );
}
