"use client";

import { Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { Capabilities } from "../pools/capabilities.tsx";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Button } from "../ui/button.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Opener } from "../ui/opener.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { DELETE_FLAVOR } from "./documents.ts";
import type { FlavorChoice, FlavorRow } from "./fragments.ts";

export function CreateFlavor({ project, choices }: { project: string; choices: FlavorChoice[] }) {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createFlavor" where={project}>
          <Plus aria-hidden />
          New flavor
        </Button>
      }
      load={loadForm}
      props={{ project, choices }}
    />
  );
}

const loadForm = () => import("./flavor-form.tsx");

const COLUMNS = [
  column<FlavorRow>("name", "Flavor", (row) => (
    <span className="font-mono text-xs">
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
  column<FlavorRow>(
    "capabilities",
    "Capabilities",
    (row) => (
      <span className="block min-w-64 lg:min-w-max">
        <Capabilities names={row.capabilities} />
      </span>
    ),
    { wide: true },
  ),
  column<FlavorRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <Opener
          trigger={
            <Button kind="ghost" size="small" label={`Edit ${row.name}`} needs="updateFlavor" where={row.project}>
              <Pencil aria-hidden />
            </Button>
          }
          load={loadForm}
          props={{ row }}
        />
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
      editable
      label="Flavors"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => `${row.project}/${row.name}`}
      pager={pager}
      empty={empty}
    />
  );
}
