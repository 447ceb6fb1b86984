"use client";

import { useState } from "react";
import { useFormContext, useWatch } from "react-hook-form";
import { ApiError, callFields } from "../api.ts";
import { jsonObjectText, neededWhole, objectName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { ShowRequest } from "../show-request.tsx";
import { Button } from "../ui/button.tsx";
import { SwitchField, TextAreaField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { CREATE_POOL, UPDATE_POOL, VERIFY_POOL } from "./documents.ts";
import type { PoolFacts } from "./fragments.ts";

const fields = { weight: neededWhole, flavor: z.string().trim(), options: jsonObjectText, verify: z.boolean() };
const newPool = z.object({ name: objectName, uri: z.string().trim().min(1, "Enter the URI of the pool."), ...fields });
const changedPool = z.object({ uri: z.string().trim(), ...fields });

const URI_HINT =
  "postgres://user:password@host/database?schema=name, or redis://user:password@host/prefix (?cluster=true for a cluster). The password is stored encrypted and never shown again.";

function PoolFields({ uriHint }: { uriHint: string }) {
  return (
    <>
      <TextField name="uri" label="URI" mono placeholder="postgres://" description={uriHint} />
      <TestConnection />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          name="weight"
          label="Weight"
          kind="number"
          description="Its share of new queues, relative to the other pools of its flavor. 0: no new queues."
        />
        <TextField name="flavor" label="Flavor" mono description="Empty: for queues without a flavor." />
      </div>
      <TextAreaField
        name="options"
        label="Options"
        rows={2}
        description="A JSON object for the driver. Not secret: everyone who sees the pool sees it."
      />
      <SwitchField
        name="verify"
        label="Connect before saving"
        description="Off: the storage need not be up. Whether another pool already uses it is not checked."
      />
    </>
  );
}

/** Connects to the URI that is typed. Leaves nothing in the storage. */
function TestConnection() {
  const { control } = useFormContext<{ uri: string }>();
  const uri = useWatch({ control, name: "uri" }).trim();
  const [result, setResult] = useState<{ good: boolean; text: string } | null>(null);
  const [pending, setPending] = useState(false);

  async function test() {
    if (uri === "") {
      setResult({ good: false, text: "Enter a URI first." });
      return;
    }
    setPending(true);
    try {
      const { verifyPool } = await callFields(VERIFY_POOL, { input: { uri } });
      const { capabilities, registeredAs } = verifyPool;
      const already = registeredAs === null ? "" : ` It is already registered as pool ${registeredAs}.`;
      setResult({ good: true, text: `Connected. Capabilities: ${capabilities.join(", ")}.${already}` });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setResult({ good: false, text: error.message });
    } finally {
      setPending(false);
    }
  }

  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button size="small" pending={pending} onClick={() => void test()}>
        Test connection
      </Button>
      <ShowRequest document={VERIFY_POOL} variables={uri === "" ? null : { input: { uri } }} />
      <span role="status" className={result === null ? undefined : result.good ? "text-ok" : "text-danger"}>
        {result?.text}
      </span>
    </div>
  );
}

/** `pool` null: registers a new one. */
export default function PoolForm({ pool }: { pool: PoolFacts | null }) {
  return pool === null ? <NewPool /> : <ChangedPool pool={pool} />;
}

function NewPool() {
  return (
    <FormDialog
      title="New pool"
      description="A storage server and a namespace in it, for the messages of some queues."
      submitLabel="Register pool"
      document={CREATE_POOL}
      schema={newPool}
      defaults={{ name: "", uri: "", weight: "100", flavor: "", options: "{}", verify: true }}
      variables={({ name, uri, weight, flavor, options, verify }) => ({
        input: { pool: name, uri, weight, verify, options: { text: options }, ...(flavor === "" ? {} : { flavor }) },
      })}
      done={({ name }) => `Pool ${name} is registered.`}
      goTo={({ name }) => paths.pool(name)}
    >
      <TextField name="name" label="Name" mono />
      <PoolFields uriHint={URI_HINT} />
    </FormDialog>
  );
}

function ChangedPool({ pool }: { pool: PoolFacts }) {
  return (
    <FormDialog
      title={`Pool ${pool.name}`}
      description="A new weight applies to new queues. No queue moves. While the pool holds queues, a new URI must lead to the same storage."
      submitLabel="Save"
      document={UPDATE_POOL}
      schema={changedPool}
      defaults={{
        uri: "",
        weight: String(pool.weight ?? 0),
        flavor: pool.flavorName ?? "",
        options: pool.optionsText,
        verify: true,
      }}
      variables={({ uri, weight, flavor, options, verify }) => ({
        input: { pool: pool.name, weight, flavor, options: { text: options }, verify, ...(uri === "" ? {} : { uri }) },
      })}
      done={() => `Pool ${pool.name} is saved.`}
    >
      <PoolFields uriHint={`Empty: the URI stays (${pool.uri ?? "unknown"}).`} />
    </FormDialog>
  );
}
