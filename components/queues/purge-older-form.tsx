"use client";

import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { formatCount } from "../ui/format.ts";
import { z } from "../zod.ts";
import { PURGE_QUEUE } from "./documents.ts";

/** A local time of the browser, as an instant. */
const schema = z.object({
  before: z
    .string()
    .min(1, "Choose a time.")
    .transform((text) => new Date(text))
    .refine((time) => !Number.isNaN(time.getTime()), "This is no time.")
    .transform((time) => time.toISOString()),
});

/** Purges what was posted before a time that the user chooses. */
export default function PurgeOlderForm({ project, queue }: { project: string; queue: string }) {
  return (
    <FormDialog
      title={`Purge old messages of ${queue}`}
      description="Messages posted, or moved here, before this time are deleted at once, including those that workers hold now. Younger ones stay."
      submitLabel="Purge old messages"
      submitKind="danger"
      document={PURGE_QUEUE}
      schema={schema}
      defaults={{ before: "" }}
      variables={({ before }) => ({ input: { project, queue, before: { time: before } } })}
      done={(_values, { purgeQueue: { messages } }) =>
        messages === null
          ? "Old messages are purged."
          : messages === 1
            ? "1 message is purged."
            : `${formatCount(messages)} messages are purged.`
      }
    >
      <TextField name="before" label="Posted before" kind="time" description="In the time zone of this browser." />
    </FormDialog>
  );
}
