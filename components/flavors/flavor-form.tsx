"use client";

import { objectName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { ChoicesField, TextField } from "../ui/form.tsx";
import { Link } from "../ui/link.tsx";
import { z } from "../zod.ts";
import { CREATE_FLAVOR, UPDATE_FLAVOR } from "./documents.ts";
import type { FlavorChoice, FlavorRow } from "./fragments.ts";

const pools = z.array(z.string()).min(1, "Choose at least one pool.");

function PoolChoices({ choices, flavor }: { choices: FlavorChoice[]; flavor: string | null }) {
  if (choices.length === 0) {
    return (
      <p className="text-danger">
        No pool is registered. The built-in one has no flavor: <Link href={paths.pools()}>register a pool</Link> first.
      </p>
    );
  }
  return (
    <ChoicesField
      name="pools"
      label="Pools"
      description="A pool has one flavor. Choosing it here removes it from its current flavor."
      choices={choices.map((pool) => ({
        value: pool.name,
        label: pool.name,
        note: pool.flavorName === null || pool.flavorName === flavor ? undefined : `now ${pool.flavorName}`,
      }))}
    />
  );
}

/** Changes the flavor of `row`, or creates one in `project`. */
export default function FlavorForm(props: { row: FlavorRow } | { project: string; choices: FlavorChoice[] }) {
  return "row" in props ? <ChangedFlavor row={props.row} /> : <NewFlavor {...props} />;
}

function NewFlavor({ project, choices }: { project: string; choices: FlavorChoice[] }) {
  return (
    <FormDialog
      title="New flavor"
      description="A queue that asks for it is placed in one of its pools."
      submitLabel="Create flavor"
      document={CREATE_FLAVOR}
      schema={z.object({ project: z.string(), name: objectName, pools })}
      defaults={{ project, name: "", pools: [] }}
      variables={({ name, ...values }) => ({ input: { ...values, flavor: name } })}
      done={({ name }) => `Flavor ${name} is created.`}
      goTo={(values) => paths.flavors({ project: values.project })}
    >
      <TextField name="name" label="Name" mono />
      <TextField name="project" label="Project" description="Empty: the project without a name." />
      <PoolChoices choices={choices} flavor={null} />
    </FormDialog>
  );
}

function ChangedFlavor({ row }: { row: FlavorRow }) {
  return (
    <FormDialog
      title={`Flavor ${row.name}`}
      description="Sets its pools to exactly these. No queue moves."
      submitLabel="Save"
      document={UPDATE_FLAVOR}
      schema={z.object({ pools })}
      defaults={{ pools: row.pools.map(({ name }) => name) }}
      variables={(values) => ({ input: { project: row.project, flavor: row.name, pools: values.pools } })}
      done={() => `Flavor ${row.name} is saved.`}
    >
      <PoolChoices choices={row.choices} flavor={row.name} />
    </FormDialog>
  );
}
