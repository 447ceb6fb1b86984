"use client";

import { jsonText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { SET_KEY } from "./documents.ts";

const newValue = z.object({ key: z.string().min(1, "Enter a key."), value: jsonText });

export default function SetKeyForm({ store }: { store: string }) {
  return (
    <FormDialog
      title={`Set a key of ${store}`}
      submitLabel="Set"
      document={SET_KEY}
      schema={newValue}
      defaults={{ key: "", value: "{}" }}
      variables={({ key, value }) => ({ input: { store, key, value: { text: value } } })}
      done={({ key }) => `${key} is set.`}
    >
      <TextField name="key" label="Key" mono />
      <TextAreaField name="value" label="Value" rows={5} description="Any JSON. Stored exactly as typed." />
    </FormDialog>
  );
}
