"use client";

import { jsonObjectText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { TextAreaField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { UPDATE_QUEUE_METADATA } from "./documents.ts";

const schema = z.object({ metadata: jsonObjectText });

/** `text`: the metadata that the queue has. */
export default function MetadataForm({ project, queue, text }: { project: string; queue: string; text: string }) {
  return (
    <FormDialog
      title="Edit metadata"
      description="Replaces all metadata: what you leave out is removed."
      submitLabel="Save"
      document={UPDATE_QUEUE_METADATA}
      schema={schema}
      defaults={{ metadata: text }}
      variables={(values) => ({ input: { project, queue, metadata: { text: values.metadata } } })}
      done={() => "The metadata is saved."}
      wide
    >
      <TextAreaField name="metadata" label="Metadata" rows={14} description="A JSON object. Stored exactly as typed." />
    </FormDialog>
  );
}
