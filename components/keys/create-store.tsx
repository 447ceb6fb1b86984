"use client";

import { Plus } from "lucide-react";
import { jsonText, objectName, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { Button } from "../ui/button.tsx";
import { TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_STORE, SET_KEY } from "./documents.ts";

const newStore = z.object({ name: objectName, lockTimeout: wholeText, expiration: wholeText });
const newValue = z.object({ key: z.string().min(1, "Enter a key."), value: jsonText });

export function CreateStore() {
  return (
    <FormDialog
      trigger={
        <Button kind="primary">
          <Plus aria-hidden />
          New store
        </Button>
      }
      title="New store"
      description="Keys, values and locks that programs share."
      submitLabel="Create store"
      document={CREATE_STORE}
      schema={newStore}
      defaults={{ name: "", lockTimeout: "", expiration: "" }}
      variables={({ name, lockTimeout, expiration }) => ({
        input: {
          store: name,
          ...(lockTimeout === null ? {} : { lockTimeoutSeconds: lockTimeout }),
          ...(expiration === null ? {} : { expirationSeconds: expiration }),
        },
      })}
      done={({ name }) => `Store ${name} is created.`}
      goTo={({ name }) => paths.keys({ store: name })}
    >
      <TextField name="name" label="Name" mono />
      <TextField name="lockTimeout" label="Lock time-out" kind="number" description="Seconds until a lock expires." />
      <TextField
        name="expiration"
        label="Value lifetime"
        kind="number"
        description="Seconds. Empty: values never expire."
      />
    </FormDialog>
  );
}

export function SetKey({ store }: { store: string }) {
  return (
    <FormDialog
      trigger={<Button>Set a key</Button>}
      title={`Set a key of ${store}`}
      submitLabel="Set"
      document={SET_KEY}
      schema={newValue}
      defaults={{ key: "", value: "{}" }}
      variables={({ key, value }) => ({ input: { store, key, value: { text: value } } })}
      done={({ key }) => `${key} is set.`}
    >
      <TextField name="key" label="Key" mono />
      <TextAreaField name="value" label="Value" rows={5} description="Any JSON. Stored exactly as typed." />
    </FormDialog>
  );
}
