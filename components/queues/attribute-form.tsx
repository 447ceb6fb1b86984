"use client";

import { jsonObjectText, neededWhole, objectName, queueName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { SwitchField, TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { ATTRIBUTES, type EditedAttribute } from "./attributes.ts";
import { PATCH_QUEUE_METADATA, UPDATE_QUEUE_ATTRIBUTES } from "./documents.ts";

const NUMBER = z.object({ value: neededWhole });
const FLAVOR = z.object({ value: objectName });
const TEXT = z.object({ value: queueName });
const JSON_TEXT = z.object({ value: jsonObjectText });
const BOOLEAN = z.object({ value: z.boolean() });

export default function AttributeForm({ project, queue, name, value }: EditedAttribute) {
  const attribute = ATTRIBUTES[name];
  const shared = {
    title: name,
    description: attribute.meaning,
    submitLabel: "Save",
    defaults: { value: value === null ? "" : String(value) },
    done: () => `${name} is saved.`,
  };
  const typed = {
    ...shared,
    document: UPDATE_QUEUE_ATTRIBUTES,
    variables: (values: { value: string | number | boolean }) => ({
      input: { project, queue, attributes: { [attribute.field]: values.value } },
    }),
  };
  // Text that may hold more than the API has types for.
  const raw = {
    ...shared,
    document: PATCH_QUEUE_METADATA,
    variables: (values: { value: string }) => ({
      input: { project, queue, changes: [{ op: "ADD" as const, key: name, value: { text: values.value } }] },
    }),
  };
  if (attribute.kind === "number") {
    return (
      <FormDialog {...typed} schema={NUMBER}>
        <TextField name="value" label="Value" kind="number" />
      </FormDialog>
    );
  }
  if (attribute.kind === "boolean") {
    return (
      <FormDialog {...typed} schema={BOOLEAN} defaults={{ value: value === true }}>
        <SwitchField name="value" label={`Switch ${name} on`} />
      </FormDialog>
    );
  }
  if (attribute.kind === "json") {
    return (
      <FormDialog {...raw} schema={JSON_TEXT}>
        <TextAreaField name="value" label="Value" description="A JSON object. Stored exactly as typed." />
      </FormDialog>
    );
  }
  if (attribute.kind === "flavor") {
    return (
      <FormDialog {...typed} schema={FLAVOR} done={() => `${name} is saved. If the queue has to move, Jobs shows it.`}>
        <TextField name="value" label="Value" mono description="A flavor of the queue's project." />
      </FormDialog>
    );
  }
  return (
    <FormDialog {...typed} schema={TEXT}>
      <TextField name="value" label="Value" mono />
    </FormDialog>
  );
}
