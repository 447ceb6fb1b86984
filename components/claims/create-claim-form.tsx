"use client";

import { wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_CLAIM } from "./documents.ts";

const schema = z.object({ limit: wholeText, ttl: wholeText, grace: wholeText });

export default function CreateClaimForm({ project, queue }: { project: string; queue: string }) {
  return (
    <FormDialog
      title="Claim messages"
      description="Claims the oldest ready messages. Until the claim ends, nobody else gets them. It counts as a delivery."
      submitLabel="Claim"
      document={CREATE_CLAIM}
      schema={schema}
      defaults={{ limit: "1", ttl: "", grace: "" }}
      variables={({ limit, ttl, grace }) => ({
        input: {
          project,
          queue,
          ...(limit === null ? {} : { limit }),
          ...(ttl === null ? {} : { ttlSeconds: ttl }),
          ...(grace === null ? {} : { graceSeconds: grace }),
        },
      })}
      done={(_values, { createClaim: { claim, messages } }) =>
        claim === null ? "No message is ready." : `${messages.length} claimed.`
      }
    >
      <div className="grid gap-4 sm:grid-cols-3">
        <TextField name="limit" label="Messages" kind="number" description="At most this many." />
        <TextField name="ttl" label="Lifetime" kind="number" description="Seconds; 300 if empty." />
        <TextField
          name="grace"
          label="Grace"
          kind="number"
          description="Seconds that a message outlives the claim; 60 if empty."
        />
      </div>
    </FormDialog>
  );
}
