"use client";

import { Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { ProjectLink } from "../projects/project-name.tsx";
import { Button } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Opener } from "../ui/opener.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { DELETE_ENTRY } from "./documents.ts";
import type { CatalogueRow, MappableRow, TargetPool } from "./fragments.ts";
import { MoveInRow } from "./move-in-row.tsx";

export function MapQueue({ pools }: { pools: string[] }) {
  return (
    <Opener
      trigger={
        <Button needs="insertCatalogueEntry">
          <Plus aria-hidden />
          Map a queue
        </Button>
      }
      load={loadMapForm}
      props={{ pools }}
    />
  );
}

const loadMapForm = () => import("./map-forms.tsx");

const COLUMNS = [
  column<MappableRow>(
    "queue",
    "Queue",
    (row) => <NameLink href={paths.queue(row.project, row.queueName)}>{row.queueName}</NameLink>,
    { grow: true },
  ),
  column<MappableRow>("project", "Project", (row) => <ProjectLink project={row.project} />, { wide: "below" }),
  column<MappableRow>("pool", "Pool", (row) => (
    <Link href={paths.pool(row.poolName)} className="font-mono text-xs underline-offset-2 hover:underline">
      {row.poolName}
    </Link>
  )),
  column<MappableRow>("epoch", "Epoch", (row) => row.epoch, { align: "right", wide: true }),
  column<MappableRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <MoveInRow row={row} />
        <Opener
          trigger={
            <Button
              kind="ghost"
              size="small"
              label={`Map ${row.queueName} to another pool`}
              needs="updateCatalogueEntry"
              where={row.project}
            >
              <Pencil aria-hidden />
            </Button>
          }
          load={loadMapForm}
          props={{ row }}
        />
        <ConfirmedAction
          document={DELETE_ENTRY}
          variables={{ input: { project: row.project, queue: row.queueName, discardMessages: true } }}
          done={`Queue ${row.queueName} is no longer mapped.`}
          trigger={
            <Button kind="ghost" size="small" label={`Unmap ${row.queueName}`}>
              <Trash2 aria-hidden />
            </Button>
          }
          title={`Unmap ${row.queueName}?`}
          consequence="Its messages and claims are lost. Nobody can use the queue until it is mapped or created again."
          confirmLabel="Unmap"
          typeName={row.queueName}
        />
      </span>
    ),
    { align: "right" },
  ),
];

/** Which pool holds which queue. */
export function CatalogueTable({
  rows,
  pools,
  pager,
  empty,
}: {
  rows: CatalogueRow[];
  /** All pools. */
  pools: TargetPool[];
  pager: PagerLinks;
  empty: ReactNode;
}) {
  return (
    <DataTable
      editable
      label="Queues and their pools"
      columns={COLUMNS}
      rows={rows.map((row) => ({ ...row, pools }))}
      rowKey={(row) => JSON.stringify([row.project, row.queueName])}
      pager={pager}
      empty={empty}
    />
  );
}
