"use client";

import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { PAUSE } from "./documents.ts";
import { capital, inputOf, named, type Target } from "./target.ts";

const schema = z.object({ reason: z.string().trim().min(1, "Say why. All who look at it see this.").max(1000) });

/** What is paused gives out no messages. */
export default function PauseForm({ target }: { target: Target }) {
  const later = target.queue === undefined ? " So do queues that are created later." : "";
  return (
    <FormDialog
      title={`Pause ${named(target)}`}
      description={
        <>
          Claims and pops answer empty until it is resumed.{later} Messages are posted, and expire, as always. What
          consumers hold now stays theirs.
        </>
      }
      submitLabel="Pause"
      document={PAUSE}
      schema={schema}
      defaults={{ reason: "" }}
      variables={({ reason }) => ({ input: { target: inputOf(target), reason } })}
      done={() => `${capital(named(target))} is paused.`}
    >
      <TextField name="reason" label="Reason" description="All who look at it see it, and your name." />
    </FormDialog>
  );
}
