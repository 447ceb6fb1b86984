"use client";

import { useState } from "react";
import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { type Link, PasswordLink } from "./create-person-form.tsx";
import { CREATE_PERSON_LINK } from "./documents.ts";

const because = z.object({ reason: z.string().trim().max(1000) });

/** A one-time link for somebody who forgot the password, or whose link is over. */
export default function PersonLinkForm({ id, email }: { id: string; email: string }) {
  const [link, setLink] = useState<Link | null>(null);
  return (
    <>
      <FormDialog
        title={`New link for ${email}`}
        description="Links from before end. The current password stays until the link is used."
        submitLabel="Make a link"
        document={CREATE_PERSON_LINK}
        schema={because}
        defaults={{ reason: "" }}
        variables={({ reason }) => ({ input: { id, ...(reason === "" ? {} : { reason }) } })}
        done={(_values, { createPersonLink }) => {
          setLink(createPersonLink.link);
          return null;
        }}
      >
        <TextField name="reason" label="Reason" description="Optional, for the audit log." />
      </FormDialog>
      <PasswordLink email={email} link={link} onClose={() => setLink(null)} />
    </>
  );
}
