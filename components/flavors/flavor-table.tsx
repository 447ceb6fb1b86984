"use client";

import { Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { objectName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { paths } from "../paths.ts";
import { Capabilities } from "../pools/pool-table.tsx";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Button } from "../ui/button.tsx";
import { ChoicesField, TextField } from "../ui/form.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { z } from "../zod.ts";
import { CREATE_FLAVOR, DELETE_FLAVOR, UPDATE_FLAVOR } from "./documents.ts";
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

export function CreateFlavor({ project, choices }: { project: string; choices: FlavorChoice[] }) {
  return (
    <FormDialog
      trigger={
        <Button kind="primary">
          <Plus aria-hidden />
          New flavor
        </Button>
      }
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

const COLUMNS = [
  column<FlavorRow>("name", "Flavor", (row) => (
    <span className="font-mono text-[0.8125rem]">
      <ProjectPrefix project={row.project} />
      {row.name}
    </span>
  )),
  column<FlavorRow>(
    "pools",
    "Pools",
    (row) => (
      <span className="flex flex-wrap gap-x-3">
        {row.pools.length === 0 ? (
          <span className="text-danger">none: new queues of this flavor are refused</span>
        ) : null}
        {row.pools.map(({ name }) => (
          <NameLink key={name} href={paths.pool(name)}>
            {name}
          </NameLink>
        ))}
      </span>
    ),
    { grow: true },
  ),
  column<FlavorRow>("capabilities", "Capabilities", (row) => <Capabilities names={row.capabilities} />, { wide: true }),
  column<FlavorRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <FormDialog
          trigger={
            <Button kind="ghost" size="small" label={`Edit ${row.name}`}>
              <Pencil aria-hidden />
            </Button>
          }
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
        <ConfirmedAction
          document={DELETE_FLAVOR}
          variables={{ input: { project: row.project, flavor: row.name } }}
          done={`Flavor ${row.name} is deleted.`}
          trigger={
            <Button kind="ghost" size="small" label={`Delete ${row.name}`}>
              <Trash2 aria-hidden />
            </Button>
          }
          title={`Delete flavor ${row.name}?`}
          consequence="Its queues stay where they are. New queues can no longer ask for it."
          confirmLabel="Delete flavor"
        />
      </span>
    ),
    { align: "right" },
  ),
];

export function FlavorTable({ rows, pager, empty }: { rows: FlavorRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      label="Flavors"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => `${row.project}/${row.name}`}
      pager={pager}
      empty={empty}
    />
  );
}
