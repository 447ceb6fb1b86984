"use client";

import { jsonObjectText, queueName, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_QUEUE } from "./documents.ts";

const schema = z
  .object({
    project: z.string(),
    name: queueName,
    ttl: wholeText,
    delay: wholeText,
    maxClaimCount: wholeText,
    deadLetterQueue: z.string().trim(),
    flavor: z.string().trim(),
    metadata: jsonObjectText,
  })
  .refine((values) => (values.maxClaimCount === null) === (values.deadLetterQueue === ""), {
    path: ["deadLetterQueue"],
    message: "Dead letters need both: the number of deliveries and the dead letter queue.",
  });

/**
 * The attributes that were filled in, followed by the user's own keys. The text of those is not parsed, so their
 * numbers stay as typed.
 */
function metadataText(values: z.output<typeof schema>): string {
  const members: string[] = [];
  const add = (key: string, value: string | number | null) => {
    if (value !== null && value !== "") members.push(`${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  };
  add("_default_message_ttl", values.ttl);
  add("_default_message_delay", values.delay);
  add("_max_claim_count", values.maxClaimCount);
  add("_dead_letter_queue", values.deadLetterQueue);
  add("_flavor", values.flavor);
  const own = values.metadata.trim().slice(1, -1).trim();
  if (own !== "") members.push(own);
  return members.length === 0 ? "{}" : `{${members.join(", ")}}`;
}

/** `project` null: the page shows all projects, so the form asks for one. */
export default function CreateQueueForm({ project }: { project: string | null }) {
  return (
    <FormDialog
      title="New queue"
      description="Only the name is required. You can change everything else later."
      submitLabel="Create queue"
      document={CREATE_QUEUE}
      schema={schema}
      defaults={{
        project: project ?? "",
        name: "",
        ttl: "",
        delay: "",
        maxClaimCount: "",
        deadLetterQueue: "",
        flavor: "",
        metadata: "{}",
      }}
      variables={(values) => ({
        input: { project: values.project, queue: values.name, metadata: { text: metadataText(values) } },
      })}
      done={(values) => `Queue ${values.name} is created.`}
      goTo={(values) => paths.queue(values.project, values.name)}
    >
      {project === null ? (
        <TextField name="project" label="Project" description="Empty: the project without a name." />
      ) : null}
      <TextField name="name" label="Name" mono description="Letters, digits, _, - and . only." />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          name="ttl"
          label="Message lifetime"
          kind="number"
          description="Seconds; the service's default if empty."
        />
        <TextField
          name="delay"
          label="Message delay"
          kind="number"
          description="Seconds before a message can be claimed."
        />
        <TextField
          name="maxClaimCount"
          label="Deliveries"
          kind="number"
          description="After this many deliveries a message goes to the dead letter queue."
        />
        <TextField name="deadLetterQueue" label="Dead letter queue" mono description="A queue of the same project." />
      </div>
      <TextField
        name="flavor"
        label="Flavor"
        mono
        description="The pools that may hold it. Empty: any pool without a flavor."
      />
      <TextAreaField
        name="metadata"
        label="Other metadata"
        rows={3}
        description="A JSON object. Stored exactly as typed."
      />
    </FormDialog>
  );
}
