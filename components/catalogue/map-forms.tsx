"use client";

import { objectName, queueName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { SelectField, SwitchField, TextField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { INSERT_ENTRY, UPDATE_ENTRY } from "./documents.ts";
import type { MappableRow } from "./fragments.ts";

const choicesOf = (pools: string[]) => pools.map((name) => ({ value: name, label: name }));

const WARNING =
  "For repairs only. No message moves: the queue is empty in its new pool, and its messages in the old pool are lost.";

const insertion = z.object({ project: z.string(), queue: queueName, pool: objectName, discardMessages: z.boolean() });
const change = z.object({ pool: objectName, discardMessages: z.boolean() });

const DISCARD = (
  <SwitchField
    name="discardMessages"
    label="Discard its messages"
    description="Needed when the queue holds messages, or when its pool is unreachable. They are lost."
  />
);

/** Maps the queue of `row` to another pool, or one that is typed to one of `pools`. */
export default function MapForm(props: { row: MappableRow } | { pools: string[] }) {
  return "row" in props ? <MapRow row={props.row} /> : <MapAny pools={props.pools} />;
}

function MapAny({ pools }: { pools: string[] }) {
  return (
    <FormDialog
      title="Map a queue to a pool"
      description={WARNING}
      submitLabel="Map"
      document={INSERT_ENTRY}
      schema={insertion}
      defaults={{ project: "", queue: "", pool: pools[0] ?? "", discardMessages: false }}
      variables={(values) => ({ input: values })}
      done={({ queue, pool }) => `Queue ${queue} is mapped to ${pool}.`}
    >
      <TextField name="project" label="Project" description="Empty: the project without a name." />
      <TextField name="queue" label="Queue" mono description="The queue must exist." />
      <SelectField name="pool" label="Pool" choices={choicesOf(pools)} />
      {DISCARD}
    </FormDialog>
  );
}

function MapRow({ row }: { row: MappableRow }) {
  return (
    <FormDialog
      title={`Map ${row.queueName} to another pool`}
      description={WARNING}
      submitLabel="Map"
      document={UPDATE_ENTRY}
      schema={change}
      defaults={{ pool: row.poolName, discardMessages: false }}
      variables={(values) => ({ input: { project: row.project, queue: row.queueName, ...values } })}
      done={({ pool }) => `Queue ${row.queueName} is mapped to ${pool}.`}
    >
      <SelectField name="pool" label="Pool" choices={choicesOf(row.pools.map(({ name }) => name))} />
      {DISCARD}
    </FormDialog>
  );
}
