"use client";

import { Pencil, RotateCcw } from "lucide-react";
import { ActionButton } from "../action.tsx";
import { jsonObjectText, neededWhole, objectName, queueName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { ATTRIBUTES, type AttributeName } from "./attributes.ts";
import { PATCH_QUEUE_METADATA, UPDATE_QUEUE_ATTRIBUTES } from "./documents.ts";

const NUMBER = z.object({ value: neededWhole });
const FLAVOR = z.object({ value: objectName });
const TEXT = z.object({ value: queueName });
const JSON_TEXT = z.object({ value: jsonObjectText });

/** Changes one reserved attribute, or resets it to its default. */
export function EditAttribute({
  project,
  queue,
  name,
  value,
  stored,
}: {
  project: string;
  queue: string;
  name: AttributeName;
  value: string | number | boolean | null;
  stored: boolean;
}) {
  const attribute = ATTRIBUTES[name];
  const fixed = attribute.kind === "fixed" ? "This is not supported yet." : null;
  const trigger = (
    <Button kind="ghost" size="small" label={`Change ${name}`} disabledReason={fixed}>
      <Pencil aria-hidden />
    </Button>
  );
  const shared = {
    trigger,
    title: name,
    description: attribute.meaning,
    submitLabel: "Save",
    defaults: { value: value === null ? "" : String(value) },
    done: () => `${name} is saved.`,
  };
  const typed = {
    ...shared,
    document: UPDATE_QUEUE_ATTRIBUTES,
    variables: (values: { value: string | number }) => ({
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
  return (
    <span className="flex justify-end gap-1">
      {stored && fixed === null ? (
        <ActionButton
          document={UPDATE_QUEUE_ATTRIBUTES}
          variables={{ input: { project, queue, attributes: { [attribute.field]: null } } }}
          done={`${name} is reset to its default.`}
          label={`Reset ${name} to its default`}
        >
          <RotateCcw aria-hidden />
        </ActionButton>
      ) : null}
      {fixed !== null ? (
        trigger
      ) : attribute.kind === "number" ? (
        <FormDialog {...typed} schema={NUMBER}>
          <TextField name="value" label="Value" kind="number" />
        </FormDialog>
      ) : attribute.kind === "json" ? (
        <FormDialog {...raw} schema={JSON_TEXT}>
          <TextAreaField name="value" label="Value" description="A JSON object. Stored exactly as typed." />
        </FormDialog>
      ) : attribute.kind === "flavor" ? (
        <FormDialog
          {...typed}
          schema={FLAVOR}
          done={() => `${name} is saved. If the queue has to move, Jobs shows it.`}
        >
          <TextField name="value" label="Value" mono description="A flavor of the queue's project." />
        </FormDialog>
      ) : (
        <FormDialog {...typed} schema={TEXT}>
          <TextField name="value" label="Value" mono />
        </FormDialog>
      )}
    </span>
  );
}
