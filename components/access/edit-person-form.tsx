"use client";

import { FormDialog } from "../form-dialog.tsx";
import { SwitchField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { UPDATE_PERSON } from "./documents.ts";
import type { PersonRow } from "./fragments.ts";
import { fieldsOf, GrantFields, grantFields, grantsOf } from "./grant-fields.tsx";

const person = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(100),
  isDisabled: z.boolean(),
  grants: grantFields,
});

export default function EditPersonForm({ row }: { row: PersonRow }) {
  return (
    <FormDialog
      title={`Edit ${row.email}`}
      description="What changes counts everywhere within a second, in open pages too."
      submitLabel="Save"
      document={UPDATE_PERSON}
      schema={person}
      defaults={{ name: row.name, isDisabled: row.isDisabled, grants: fieldsOf(row.grants) }}
      variables={({ name, isDisabled, grants }) => ({
        input: { id: row.id, name, isDisabled, ...(row.hasClaimedGrants ? {} : { grants: grantsOf(grants) }) },
      })}
      done={() => `${row.email} is changed.`}
    >
      <TextField name="name" label="Name" />
      {row.hasClaimedGrants ? (
        <p className="text-muted">The identity provider gives the roles, at each sign-in. Change them there.</p>
      ) : (
        <GrantFields />
      )}
      <SwitchField
        name="isDisabled"
        label="Disabled"
        description="Cannot sign in. All sessions end at once. What the person did stays in the audit log."
      />
    </FormDialog>
  );
}
