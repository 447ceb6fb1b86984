"use client";

import { PackageOpen, Trash2 } from "lucide-react";
import { ConfirmedAction } from "../action.tsx";
import { requireNotFailed } from "../jobs/job-can.ts";
import { DRAIN_POOL } from "../moves/documents.ts";
import { Button } from "../ui/button.tsx";
import { DELETE_POOL } from "./documents.ts";
import type { PoolFacts } from "./fragments.ts";
import { poolCan } from "./pool-can.ts";

export function DeletePool({ pool, afterwards }: { pool: PoolFacts; afterwards?: string }) {
  const reason = poolCan.delete(pool);
  const trigger = (
    <Button kind="ghost" size="small" label={`Delete ${pool.name}`} disabledReason={reason}>
      <Trash2 aria-hidden />
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <ConfirmedAction
      document={DELETE_POOL}
      variables={{ input: { pool: pool.name } }}
      done={`Pool ${pool.name} is no longer registered.`}
      goTo={afterwards}
      trigger={trigger}
      title={`Delete pool ${pool.name}?`}
      consequence="It holds no queues. Its server keeps what is stored there; only Isimud forgets the pool."
      confirmLabel="Delete pool"
      typeName={pool.name}
    />
  );
}

export function DrainPool({ pool, isDraining }: { pool: PoolFacts; isDraining: boolean }) {
  const reason = poolCan.drain(pool, isDraining);
  const trigger = (
    <Button size="small" disabledReason={reason}>
      <PackageOpen aria-hidden />
      Drain
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <ConfirmedAction
      document={DRAIN_POOL}
      variables={{ input: { pool: pool.name } }}
      done={({ drainPool: { job } }) => {
        requireNotFailed(job);
        return job.state === "DONE" ? `Pool ${pool.name} is empty.` : `Pool ${pool.name} is being drained.`;
      }}
      trigger={trigger}
      title={`Drain pool ${pool.name}?`}
      consequence="Its queues move to the other pools of their flavors, by weight, while clients use them. Its weight becomes 0, so it gets no new queues. If you cancel the drain, the queues that have moved stay where they are."
      confirmLabel="Drain pool"
    />
  );
}
