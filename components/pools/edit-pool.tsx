"use client";

import { Pencil, Plus } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { PoolFacts } from "./fragments.ts";
import { poolCan } from "./pool-can.ts";

export function CreatePool() {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createPool">
          <Plus aria-hidden />
          New pool
        </Button>
      }
      load={loadForm}
      props={{ pool: null }}
    />
  );
}

export function EditPool({ pool }: { pool: PoolFacts }) {
  const reason = poolCan.edit(pool);
  const trigger = (
    <Button size="small" kind="ghost" label={`Edit ${pool.name}`} needs="updatePool" disabledReason={reason}>
      <Pencil aria-hidden />
    </Button>
  );
  return reason === null ? <Opener trigger={trigger} load={loadForm} props={{ pool }} /> : trigger;
}

const loadForm = () => import("./pool-form.tsx");
