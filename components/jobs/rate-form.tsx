"use client";

import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { UPDATE_JOB } from "./documents.ts";

const schema = z.object({
  rate: z
    .string()
    .trim()
    .transform((text) => (text === "" ? null : Number(text)))
    .refine((rate) => rate === null || (Number.isFinite(rate) && rate >= 0.01), "At least 0.01, or nothing."),
});

/** Changes how fast a job goes, while it runs. */
export default function RateForm({ id, rate }: { id: string; rate: number | null }) {
  return (
    <FormDialog
      title="Change the rate"
      description="It goes at the new rate within two seconds."
      submitLabel="Change the rate"
      document={UPDATE_JOB}
      schema={schema}
      defaults={{ rate: rate === null ? "" : String(rate) }}
      variables={(values) => ({ input: { id, ratePerSecond: values.rate } })}
      done={(values) => (values.rate === null ? "It goes as fast as it can." : `It goes at ${values.rate} a second.`)}
    >
      <TextField name="rate" label="Messages a second" kind="number" description="Empty: as fast as it can." />
    </FormDialog>
  );
}
