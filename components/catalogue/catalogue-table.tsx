"use client";

import { ArrowRightLeft, Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { objectName, queueName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { MOVE_QUEUE } from "../jobs/documents.ts";
import { requireNotFailed } from "../jobs/job-can.ts";
import { paths } from "../paths.ts";
import { ProjectLink } from "../project-name.tsx";
import { Button } from "../ui/button.tsx";
import { SelectField, SwitchField, TextField } from "../ui/form.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { z } from "../zod.ts";
import { DELETE_ENTRY, INSERT_ENTRY, UPDATE_ENTRY } from "./documents.ts";
import { entryCan, moveTargets, type PoolChoice } from "./entry-can.ts";

export interface CatalogueRow {
  project: string;
  queue: string;
  pool: string;
  epoch: number;
  /** That the queue asks for. */
  flavor: string | null;
}

/** With the pools that it could be mapped to. */
interface MappableRow extends CatalogueRow {
  pools: PoolChoice[];
}

const choicesOf = (pools: string[]) => pools.map((name) => ({ value: name, label: name }));

const WARNING =
  "A tool for mending. No message moves: the queue begins empty in its new pool, and ends in the old one.";

const insertion = z.object({ project: z.string(), queue: queueName, pool: objectName, discardMessages: z.boolean() });
const movement = z.object({ pool: objectName });
const change = z.object({ pool: objectName, discardMessages: z.boolean() });

const DISCARD = (
  <SwitchField
    name="discardMessages"
    label="Discard its messages"
    description="Needed when the queue holds messages, or when its pool cannot say. They are lost."
  />
);

export function MapQueue({ pools }: { pools: string[] }) {
  return (
    <FormDialog
      trigger={
        <Button>
          <Plus aria-hidden />
          Map a queue
        </Button>
      }
      title="Map a queue to a pool"
      description={WARNING}
      submitLabel="Map"
      document={INSERT_ENTRY}
      schema={insertion}
      defaults={{ project: "", queue: "", pool: pools[0] ?? "", discardMessages: false }}
      variables={(values) => ({ input: values })}
      done={({ queue, pool }) => `Queue ${queue} is mapped to ${pool}.`}
    >
      <TextField name="project" label="Project" description="Left empty: the project without a name." />
      <TextField name="queue" label="Queue" mono description="It has to exist." />
      <SelectField name="pool" label="Pool" choices={choicesOf(pools)} />
      {DISCARD}
    </FormDialog>
  );
}

interface Moved {
  moveQueue: { job: Parameters<typeof requireNotFailed>[0] & { resultText: string | null } };
}

function apartOf(resultText: string | null): string {
  const { apart = [] }: { apart?: { queue: string }[] } = JSON.parse(resultText ?? "{}");
  return apart.length === 0 ? "" : ` ${apart.map(({ queue }) => queue).join(", ")} stay apart: Jobs says why.`;
}

/** Takes everything along. Nobody has to stop meanwhile. */
function MoveQueue({ row }: { row: MappableRow }) {
  const targets = moveTargets(row, row.pools);
  const reason = entryCan.move(row, row.pools);
  const trigger = (
    <Button kind="ghost" size="small" label={`Move ${row.queue}`} disabledReason={reason}>
      <ArrowRightLeft aria-hidden />
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <FormDialog
      trigger={trigger}
      title={`Move ${row.queue}`}
      description="Its messages, claims and subscriptions go along, and so do its dead letter queue and up to 100 others that use that one, from the same pool, where they may live there. Clients go on posting and claiming."
      submitLabel="Move"
      document={MOVE_QUEUE}
      schema={movement}
      defaults={{ pool: targets[0] ?? "" }}
      variables={({ pool }) => ({ input: { project: row.project, queue: row.queue, pool } })}
      done={({ pool }, { moveQueue: { job } }: Moved) => {
        requireNotFailed(job);
        if (job.state === "DONE") return `Queue ${row.queue} is in ${pool} now.${apartOf(job.resultText)}`;
        return `Queue ${row.queue} is on its way to ${pool}. Jobs shows how far it is.`;
      }}
    >
      <SelectField
        name="pool"
        label="Pool"
        choices={choicesOf(targets)}
        description={
          row.flavor === null
            ? "Those without a flavor, as the queue is."
            : `Those of the queue's flavor, ${row.flavor}.`
        }
      />
    </FormDialog>
  );
}

const COLUMNS = [
  column<MappableRow>(
    "queue",
    "Queue",
    (row) => <NameLink href={paths.queue(row.project, row.queue)}>{row.queue}</NameLink>,
    { grow: true },
  ),
  column<MappableRow>("project", "Project", (row) => <ProjectLink project={row.project} />, { wide: "below" }),
  column<MappableRow>("pool", "Pool", (row) => (
    <Link href={paths.pool(row.pool)} className="font-mono text-[0.8125rem] underline-offset-2 hover:underline">
      {row.pool}
    </Link>
  )),
  column<MappableRow>("epoch", "Epoch", (row) => row.epoch, { align: "right", wide: true }),
  column<MappableRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <MoveQueue row={row} />
        <FormDialog
          trigger={
            <Button kind="ghost" size="small" label={`Map ${row.queue} elsewhere`}>
              <Pencil aria-hidden />
            </Button>
          }
          title={`Map ${row.queue} elsewhere`}
          description={WARNING}
          submitLabel="Map"
          document={UPDATE_ENTRY}
          schema={change}
          defaults={{ pool: row.pool, discardMessages: false }}
          variables={(values) => ({ input: { project: row.project, queue: row.queue, ...values } })}
          done={({ pool }) => `Queue ${row.queue} is mapped to ${pool}.`}
        >
          <SelectField name="pool" label="Pool" choices={choicesOf(row.pools.map(({ name }) => name))} />
          {DISCARD}
        </FormDialog>
        <ConfirmedAction
          document={DELETE_ENTRY}
          variables={{ input: { project: row.project, queue: row.queue, discardMessages: true } }}
          done={`Queue ${row.queue} is no longer mapped.`}
          trigger={
            <Button kind="ghost" size="small" label={`Unmap ${row.queue}`}>
              <Trash2 aria-hidden />
            </Button>
          }
          title={`Unmap ${row.queue}?`}
          consequence="Its messages and claims are lost, and the queue is out of reach until it is mapped or made again."
          confirmLabel="Unmap"
          typeName={row.queue}
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
  /** All of them. */
  pools: PoolChoice[];
  pager: PagerLinks;
  empty: ReactNode;
}) {
  return (
    <DataTable
      label="Queues and their pools"
      columns={COLUMNS}
      rows={rows.map((row) => ({ ...row, pools }))}
      rowKey={(row) => JSON.stringify([row.project, row.queue])}
      pager={pager}
      empty={empty}
    />
  );
}
