"use client";

import { objectName, wholeText } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_STORE } from "./documents.ts";

const newStore = z.object({ name: objectName, lockTimeout: wholeText, expiration: wholeText });

export default function CreateStoreForm() {
  return (
    <FormDialog
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
