"use client";

import { useWatch } from "react-hook-form";
import { neededWhole, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { parseExactJson } from "../ui/exact-json.ts";
import { SwitchField, TextAreaField, TextField } from "../ui/form.tsx";
import { formatBytes, formatCount, formatDuration } from "../ui/format.ts";
import { z } from "../zod.ts";
import { GENERATE_MESSAGES } from "./documents.ts";

/** The limits of the API. */
const MOST = { messages: 10_000_000, rate: 100_000, reason: 1000 };
/** Of a body that the API makes up. */
const USUAL_BYTES = 100;

const schema = z
  .object({
    messages: neededWhole.refine((count) => count >= 1 && count <= MOST.messages, `From 1 to ${MOST.messages}.`),
    rate: z
      .string()
      .transform(Number)
      .refine((rate) => rate >= 0.01 && rate <= MOST.rate, `From 0.01 to ${MOST.rate}.`),
    own: z.boolean(),
    bytes: wholeText.refine((bytes) => bytes !== 0, "At least 1."),
    body: z.string(),
    ttl: wholeText,
    reason: z.string().trim().min(1, "Say why.").max(MOST.reason, `At most ${MOST.reason} characters.`),
  })
  .refine(({ own, body }) => !own || parseExactJson(body) !== null, {
    path: ["body"],
    message: "This is not valid JSON.",
  });

/** Posts generated messages to a queue, as a job, whose page shows how far it came. */
export default function TestLoadForm({ project, queue }: { project: string; queue: string }) {
  return (
    <FormDialog
      title={`Test load for ${queue}`}
      description={
        <>
          A job posts made-up messages at a steady rate. It can be held and cancelled, and its rate changed. Its result
          names the client id of the messages, by which they can be deleted again.
        </>
      }
      submitLabel="Start"
      document={GENERATE_MESSAGES}
      schema={schema}
      defaults={{
        messages: "1000",
        rate: "10",
        own: false,
        bytes: "",
        body: '{"order": "{{number}}", "note": "test {{number}}"}',
        ttl: "",
        reason: "",
      }}
      variables={({ messages, rate, own, bytes, body, ttl, reason }, once) => ({
        input: {
          project,
          queue,
          messages,
          ratePerSecond: rate,
          ...(own ? { body: { text: body } } : bytes === null ? {} : { bodyBytes: bytes }),
          ...(ttl === null ? {} : { ttlSeconds: ttl }),
          reason,
          // Sent twice, or again after an answer that got lost, it is one load.
          idempotencyKey: once,
        },
      })}
      done={({ messages }) => `${formatCount(messages)} messages are being posted.`}
      goTo={(_values, { generateMessages: { job } }) => paths.job(job.id)}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField name="messages" label="Messages" kind="number" description={`1 to ${formatCount(MOST.messages)}.`} />
        <TextField
          name="rate"
          label="Messages a second"
          description="0.01 to 100,000, at most. The storage may be slower."
        />
      </div>
      <Outlook />
      <SwitchField name="own" label="Bodies of my own" />
      <Body />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField name="ttl" label="Lifetime" kind="number" description="Seconds; the queue's default if empty." />
        <TextField name="reason" label="Reason" description="Why. The audit log keeps it." />
      </div>
    </FormDialog>
  );
}

function Body() {
  const own = useWatch({ name: "own" });
  return own ? (
    <TextAreaField
      name="body"
      label="Body"
      rows={4}
      description={
        'JSON. {{number}} stands for the number of the message, and the text "{{number}}" becomes that number.'
      }
    />
  ) : (
    <TextField
      name="bytes"
      label="Size of a body"
      kind="number"
      description={`Bytes; about ${USUAL_BYTES} if empty.`}
    />
  );
}

/** What that comes to. */
function Outlook() {
  const values = useWatch();
  const read = schema.safeParse({ ...values, reason: "any" });
  if (!read.success) return null;
  const { messages, rate, own, bytes, body } = read.data;
  const size = own ? new TextEncoder().encode(body).length : (bytes ?? USUAL_BYTES);
  return (
    <p className="text-muted" role="status">
      At this rate it takes {formatDuration(Math.max(1, Math.round(messages / rate)))} and stores about{" "}
      {formatBytes(messages * size)}.
    </p>
  );
}
