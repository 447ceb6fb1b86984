"use client";

import { jsonText, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { POST_MESSAGES } from "./documents.ts";
import type { PostedBefore } from "./fragments.ts";
import { readHeaders, writeHeaders } from "./headers-text.ts";

/** Copies in one post, at most: the limit of the API. */
const MAX_COPIES = 1000;

const schema = z.object({
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

/** With `again` the form begins with a message that was posted before. */
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
          : "Posts a new message with the body, headers, lifetime and delay of this one. This one stays."
      }
      submitLabel="Post"
      document={POST_MESSAGES}
      schema={schema}
      defaults={{
        body: again?.bodyText ?? '{"hello": "world"}',
        headers: writeHeaders(again?.headers ?? []),
        ttl: again ? String(again.ttlSeconds) : "",
        delay: String(again?.delaySeconds ?? ""),
        copies: "1",
      }}
      variables={({ body, headers, ttl, delay, copies }) => ({
        input: {
          project,
          queue,
          messages: Array.from({ length: copies }, () => ({
            body: { text: body },
            ...(headers.trim() === "" ? {} : { headers: readHeaders(headers) }),
            ...(ttl === null ? {} : { ttlSeconds: ttl }),
            ...(delay === null ? {} : { delaySeconds: delay }),
          })),
        },
      })}
      done={({ copies }) => (copies === 1 ? "The message is posted." : `${copies} messages are posted.`)}
      wide
    >
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
        <TextField name="copies" label="Copies" kind="number" description="For load tests." />
      </div>
    </FormDialog>
  );
}
