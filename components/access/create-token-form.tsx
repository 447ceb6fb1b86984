"use client";

import { useState } from "react";
import { API_PATH } from "../api.ts";
import { neededWhole, objectName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { ChoicesField, TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_TOKEN } from "./documents.ts";
import { ShownOnce } from "./shown-once.tsx";
import { readProjects } from "./words.ts";

const SCOPES = [
  { value: "READ", label: "Read", note: "lists, records, statistics" },
  { value: "PRODUCE", label: "Produce", note: "post messages" },
  { value: "CONSUME", label: "Consume", note: "claim, pop and delete messages" },
  { value: "MANAGE", label: "Manage", note: "what an operator may do" },
  { value: "ADMINISTER", label: "Administer", note: "everything, in all projects" },
];

const newToken = z
  .object({
    name: objectName.max(64),
    scopes: z.array(z.enum(["READ", "PRODUCE", "CONSUME", "MANAGE", "ADMINISTER"])).min(1, "Choose at least one."),
    projects: z.string(),
    days: neededWhole,
  })
  .refine(({ scopes, projects }) => !scopes.includes("ADMINISTER") || readProjects(projects).length === 0, {
    path: ["projects"],
    message: "A token that administers does so in all projects. Leave this empty.",
  });

export default function CreateTokenForm() {
  const [made, setMade] = useState<{ name: string; secret: string } | null>(null);
  return (
    <>
      <FormDialog
        title="New token"
        description="For a program. Its secret is shown once, when it is made."
        submitLabel="Create token"
        document={CREATE_TOKEN}
        schema={newToken}
        defaults={{ name: "", scopes: [], projects: "", days: "90" }}
        variables={({ name, scopes, projects, days }) => {
          const named = readProjects(projects);
          return { input: { name, scopes, ...(named.length === 0 ? {} : { projects: named }), expiresInDays: days } };
        }}
        done={({ name }, { createToken }) => {
          setMade({ name, secret: createToken.secret });
          return null;
        }}
      >
        <TextField
          name="name"
          label="Name"
          mono
          description="Of the program, such as worker-1. It is in the audit log."
        />
        <ChoicesField name="scopes" label="What it is for" choices={SCOPES} />
        <TextAreaField name="projects" label="Projects" rows={2} description="One name a line. Empty: all projects." />
        <TextField
          name="days"
          label="Days until it ends"
          kind="number"
          description="Up to 3650. 0: never. Programs that are forgotten should end."
        />
      </FormDialog>
      <ShownOnce
        title={`Token ${made?.name ?? ""} is made`}
        label="Secret"
        text={made?.secret ?? null}
        onClose={() => setMade(null)}
      >
        <p>Nobody can read it again. Give it to the program, which sends it with each request:</p>
        <code className="mt-1 block font-mono text-xs wrap-anywhere text-ink-2">
          curl {origin()}
          {API_PATH} -H "Authorization: Bearer $TOKEN" …
        </code>
      </ShownOnce>
    </>
  );
}

const origin = () => (typeof location === "undefined" ? "" : location.origin);
