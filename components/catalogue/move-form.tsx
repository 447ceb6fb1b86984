"use client";

import { objectName } from "../field-rules.ts";
import { FormDialog } from "../form-dialog.tsx";
import { requireNotFailed } from "../jobs/job-can.ts";
import { MOVE_QUEUE } from "../moves/documents.ts";
import { KINDS } from "../problems/looks.ts";
import { type Choice, SelectField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { flavorOf, moveTargets } from "./entry-can.ts";
import type { MovableQueue, TargetPool } from "./fragments.ts";

const movement = z.object({ pool: objectName });

const MOVE_DESCRIPTION =
  "Its messages, claims and subscriptions move. Its dead letter queue moves too, with up to 100 queues that share it: " +
  "those in the same pool, if the new pool is of their flavor. Clients can use all of them meanwhile.";

function choiceOf({ name, problems: [worst] }: TargetPool): Choice {
  return { value: name, label: worst === undefined ? name : `${name} (${KINDS[worst.kind].short})` };
}

/** Names the queues of its dead letter group that did not move with it. */
function excludedText(resultText: string | null): string {
  const { excluded = [] }: { excluded?: { queue: string }[] } = JSON.parse(resultText ?? "{}");
  return excluded.length === 0 ? "" : ` Left out: ${excluded.map(({ queue }) => queue).join(", ")}. Jobs says why.`;
}

/** Moves the queue with all that it holds, while clients use it. */
export default function MoveForm({ row }: { row: MovableQueue }) {
  const targets = moveTargets(row, row.pools);
  const flavor = flavorOf(row);
  return (
    <FormDialog
      title={`Move ${row.queueName}`}
      description={MOVE_DESCRIPTION}
      submitLabel="Move"
      document={MOVE_QUEUE}
      schema={movement}
      defaults={{ pool: targets[0]?.name ?? "" }}
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
        choices={targets.map(choiceOf)}
        description={
          flavor === null ? "Pools without a flavor, like the queue." : `Pools of the queue's flavor, ${flavor}.`
        }
      />
    </FormDialog>
  );
}
