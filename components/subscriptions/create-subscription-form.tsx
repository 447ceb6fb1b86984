"use client";

import { jsonObjectText, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_SUBSCRIPTION } from "./documents.ts";

const schema = z.object({
  subscriber: z
    .string()
    .trim()
    .regex(/^(https?|trust\+https?|mailto):/, "Begin with https:, http: or mailto:."),
  ttl: wholeText,
  options: jsonObjectText,
});

export default function CreateSubscriptionForm({ project, queue }: { project: string; queue: string }) {
  return (
    <FormDialog
      title="New subscription"
      description="Subscriptions are stored. Nothing is delivered to subscribers yet."
      submitLabel="Subscribe"
      document={CREATE_SUBSCRIPTION}
      schema={schema}
      defaults={{ subscriber: "", ttl: "", options: "{}" }}
      variables={({ subscriber, ttl, options }) => ({
        input: { project, queue, subscriber, options: { text: options }, ...(ttl === null ? {} : { ttlSeconds: ttl }) },
      })}
      done={(_values, { createQueueSubscription: { created } }) =>
        created ? "The subscription is created." : "It already exists, and is not confirmed yet."
      }
    >
      <TextField
        name="subscriber"
        label="Subscriber"
        mono
        placeholder="https://example.org/hook"
        description="An https, http or mailto address."
      />
      <TextField name="ttl" label="Lifetime" kind="number" description="Seconds; 3600 if empty." />
      <TextAreaField name="options" label="Options" rows={4} description="A JSON object, such as a _retry_policy." />
    </FormDialog>
  );
}
