"use client";

import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { UPDATE_PERSON } from "./documents.ts";

const named = z.object({ name: z.string().trim().min(1, "Enter a name.").max(100) });

export default function EditNameForm({ id, name }: { id: string; name: string }) {
  return (
    <FormDialog
      title="Change your name"
      submitLabel="Save"
      document={UPDATE_PERSON}
      schema={named}
      defaults={{ name }}
      variables={(values) => ({ input: { id, name: values.name } })}
      done={() => "Your name is changed."}
    >
      <TextField name="name" label="Name" />
    </FormDialog>
  );
}
