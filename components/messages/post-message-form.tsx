"use client";

import { jsonText, queueName, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { SwitchField, TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { POST_MESSAGES } from "./documents.ts";
import type { PostedBefore } from "./fragments.ts";
import { readHeaders, writeHeaders } from "./headers-text.ts";

/** Copies in one post, at most: the limit of the API. */
const MAX_COPIES = 1000;

const schema = z.object({
  project: z.string(),
  queue: queueName,
  createQueue: z.boolean(),
  body: jsonText,
  headers: z
    .string()
    .refine((text) => readHeaders(text) !== null, "Write one `name: value` a line, each name once, or a JSON object."),
  ttl: wholeText,
  delay: wholeText,
  copies: z
    .string()
    .regex(/^\s*\d+\s*$/, "This must be a whole number.")
    .transform(Number)
    .refine((copies) => copies >= 1 && copies <= MAX_COPIES, `From 1 to ${MAX_COPIES}.`),
});

/** With `again` the form begins with a message that was posted before, and asks where to post it. */
export default function PostMessageForm({
  project,
  queue,
  again,
}: {
  project: string;
  queue: string;
  again?: PostedBefore;
}) {
  return (
    <FormDialog
      title={again === undefined ? "Post a message" : "Post again"}
      description={
        again === undefined
          ? undefined
          : "Posts a new message with the body, headers, lifetime and delay of this one, to this queue or another. This one stays as it is."
      }
      submitLabel="Post"
      document={POST_MESSAGES}
      schema={schema}
      defaults={{
        project,
        queue,
        createQueue: false,
        body: again?.bodyText ?? '{"hello": "world"}',
        headers: writeHeaders(again?.headers ?? []),
        ttl: again ? String(again.ttlSeconds) : "",
        // Without one, not with the default of the queue that takes it.
        delay: again ? String(again.delaySeconds ?? 0) : "",
        copies: "1",
      }}
      variables={({ body, headers, ttl, delay, copies, ...target }) => ({
        input: {
          project: target.project,
          queue: target.queue,
          ...(target.createQueue ? { createQueue: true } : {}),
          messages: Array.from({ length: copies }, () => ({
            body: { text: body },
            ...(headers.trim() === "" ? {} : { headers: readHeaders(headers) }),
            ...(ttl === null ? {} : { ttlSeconds: ttl }),
            ...(delay === null ? {} : { delaySeconds: delay }),
          })),
        },
      })}
      done={(values) => {
        const where = values.project === project && values.queue === queue ? "" : ` to ${values.queue}`;
        return values.copies === 1 ? `The message is posted${where}.` : `${values.copies} messages are posted${where}.`;
      }}
      wide
    >
      {again === undefined ? null : (
        <>
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField name="project" label="Project" description="Empty: the project without a name." />
            <TextField name="queue" label="Queue" mono description="Where the new message goes." />
          </div>
          <SwitchField name="createQueue" label="Create this queue if there is none" />
        </>
      )}
      <TextAreaField
        name="body"
        label="Body"
        rows={10}
        description="Any JSON. Stored exactly as typed: large numbers keep every digit."
      />
      <TextAreaField
        name="headers"
        label="Headers"
        rows={2}
        description="Optional. One a line, such as type: order. They travel beside the body."
      />
      <div className="grid gap-4 sm:grid-cols-3">
        <TextField name="ttl" label="Lifetime" kind="number" description="Seconds; the queue's default if empty." />
        <TextField
          name="delay"
          label="Delay"
          kind="number"
          description="Seconds before it can be claimed; the queue's default if empty."
        />
        <TextField name="copies" label="Copies" kind="number" description="More, or at a rate: generate test load." />
      </div>
    </FormDialog>
  );
}
