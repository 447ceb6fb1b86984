"use client";

import { ArrowRightLeft, Pencil, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { objectName, queueName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { MOVE_QUEUE } from "../jobs/documents.ts";
import { requireNotFailed } from "../jobs/job-can.ts";
import { paths } from "../paths.ts";
import { ProjectLink } from "../projects/project-name.tsx";
import { Button } from "../ui/button.tsx";
import { SelectField, SwitchField, TextField } from "../ui/form.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { z } from "../zod.ts";
import { DELETE_ENTRY, INSERT_ENTRY, UPDATE_ENTRY } from "./documents.ts";
import { entryCan, flavorOf, moveTargets } from "./entry-can.ts";
import type { CatalogueRow, PoolChoice } from "./fragments.ts";

/** With the pools that it can be mapped to. */
interface MappableRow extends CatalogueRow {
  pools: PoolChoice[];
}

const choicesOf = (pools: string[]) => pools.map((name) => ({ value: name, label: name }));

const WARNING =
  "For repairs only. No message moves: the queue is empty in its new pool, and its messages in the old pool are lost.";

const insertion = z.object({ project: z.string(), queue: queueName, pool: objectName, discardMessages: z.boolean() });
const movement = z.object({ pool: objectName });
const change = z.object({ pool: objectName, discardMessages: z.boolean() });

const DISCARD = (
  <SwitchField
    name="discardMessages"
    label="Discard its messages"
    description="Needed when the queue holds messages, or when its pool is unreachable. They are lost."
  />
);

const MOVE_DESCRIPTION =
  "Its messages, claims and subscriptions move. Its dead letter queue moves too, with up to 100 queues that share it: " +
  "those in the same pool, if the new pool is of their flavor. Clients can use all of them meanwhile.";

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
      <TextField name="project" label="Project" description="Empty: the project without a name." />
      <TextField name="queue" label="Queue" mono description="The queue must exist." />
      <SelectField name="pool" label="Pool" choices={choicesOf(pools)} />
      {DISCARD}
    </FormDialog>
  );
}

/** Names the queues of its dead letter group that did not move with it. */
function excludedText(resultText: string | null): string {
  const { excluded = [] }: { excluded?: { queue: string }[] } = JSON.parse(resultText ?? "{}");
  return excluded.length === 0 ? "" : ` Left out: ${excluded.map(({ queue }) => queue).join(", ")}. Jobs says why.`;
}

/** Moves the queue with all that it holds, while clients use it. */
function MoveQueue({ row }: { row: MappableRow }) {
  const targets = moveTargets(row, row.pools);
  const reason = entryCan.move(row, row.pools);
  const flavor = flavorOf(row);
  const trigger = (
    <Button kind="ghost" size="small" label={`Move ${row.queueName}`} disabledReason={reason}>
      <ArrowRightLeft aria-hidden />
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <FormDialog
      trigger={trigger}
      title={`Move ${row.queueName}`}
      description={MOVE_DESCRIPTION}
      submitLabel="Move"
      document={MOVE_QUEUE}
      schema={movement}
      defaults={{ pool: targets[0] ?? "" }}
      variables={({ pool }) => ({ input: { project: row.project, queue: row.queueName, pool } })}
      done={({ pool }, { moveQueue: { job } }) => {
        requireNotFailed(job);
        if (job.state === "DONE") return `Queue ${row.queueName} is in ${pool} now.${excludedText(job.resultText)}`;
        return `Queue ${row.queueName} is moving to ${pool}. Jobs shows its progress.`;
      }}
    >
      <SelectField
        name="pool"
        label="Pool"
        choices={choicesOf(targets)}
        description={
          flavor === null ? "Pools without a flavor, like the queue." : `Pools of the queue's flavor, ${flavor}.`
        }
      />
    </FormDialog>
  );
}

const COLUMNS = [
  column<MappableRow>(
    "queue",
    "Queue",
    (row) => <NameLink href={paths.queue(row.project, row.queueName)}>{row.queueName}</NameLink>,
    { grow: true },
  ),
  column<MappableRow>("project", "Project", (row) => <ProjectLink project={row.project} />, { wide: "below" }),
  column<MappableRow>("pool", "Pool", (row) => (
    <Link href={paths.pool(row.poolName)} className="font-mono text-[0.8125rem] underline-offset-2 hover:underline">
      {row.poolName}
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
            <Button kind="ghost" size="small" label={`Map ${row.queueName} to another pool`}>
              <Pencil aria-hidden />
            </Button>
          }
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
  pools: PoolChoice[];
  pager: PagerLinks;
  empty: ReactNode;
}) {
  return (
    <DataTable
      label="Queues and their pools"
      columns={COLUMNS}
      rows={rows.map((row) => ({ ...row, pools }))}
      rowKey={(row) => JSON.stringify([row.project, row.queueName])}
      pager={pager}
      empty={empty}
    />
  );
}
