"use client";

import { useState } from "react";
import { FormDialog } from "../form-dialog.tsx";
import { TextField } from "../ui/form.tsx";
import { Moment } from "../ui/time.tsx";
import { z } from "../zod.ts";
import { CREATE_PERSON } from "./documents.ts";
import { fieldsOf, GrantFields, grantFields, grantsOf } from "./grant-fields.tsx";
import { ShownOnce } from "./shown-once.tsx";

const newPerson = z.object({
  email: z.string().trim().min(1, "Enter an e-mail address.").max(254),
  name: z.string().trim().min(1, "Enter a name.").max(100),
  grants: grantFields,
});

export interface Link {
  url: string;
  expiresAt: string;
}

/** Shows a link that sets a password. */
export function PasswordLink({ email, link, onClose }: { email: string; link: Link | null; onClose: () => void }) {
  return (
    <ShownOnce title={`A link for ${email}`} label="One-time link" text={link?.url ?? null} onClose={onClose}>
      Send it yourself: no mail is sent, and nobody can read it here again. Whoever opens it chooses the password. It
      works once{link === null ? "" : ", until "}
      {link === null ? null : <Moment at={link.expiresAt} />}.
    </ShownOnce>
  );
}

export default function CreatePersonForm() {
  const [made, setMade] = useState<{ email: string; link: Link } | null>(null);
  return (
    <>
      <FormDialog
        title="New person"
        description="You get a one-time link with which the person chooses a password. No mail is sent."
        submitLabel="Create person"
        document={CREATE_PERSON}
        schema={newPerson}
        defaults={{ email: "", name: "", grants: fieldsOf([{ role: "VIEWER", projects: null }]) }}
        variables={({ email, name, grants }) => ({ input: { email, name, grants: grantsOf(grants) } })}
        done={({ email }, { createPerson: { link } }) => {
          setMade({ email, link });
          return null;
        }}
      >
        <TextField name="email" label="E-mail address" description="The name to sign in with, and in the audit log." />
        <TextField name="name" label="Name" />
        <GrantFields />
      </FormDialog>
      <PasswordLink email={made?.email ?? ""} link={made?.link ?? null} onClose={() => setMade(null)} />
    </>
  );
}
