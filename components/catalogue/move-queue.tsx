"use client";

import { ArrowRightLeft } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { entryCan } from "./entry-can.ts";
import type { MovableQueue } from "./fragments.ts";

/** Moves a queue to another pool. `inRow`: in a row of a table, with an icon only. */
export function MoveQueue({ row, inRow = false }: { row: MovableQueue; inRow?: boolean }) {
  const reason = entryCan.move(row, row.pools);
  const trigger = inRow ? (
    <Button kind="ghost" size="small" label={`Move ${row.queueName}`} disabledReason={reason}>
      <ArrowRightLeft aria-hidden />
    </Button>
  ) : (
    <Button disabledReason={reason}>
      <ArrowRightLeft aria-hidden />
      Move…
    </Button>
  );
  return reason === null ? <Opener trigger={trigger} load={loadForm} props={{ row }} /> : trigger;
}

const loadForm = () => import("./move-form.tsx");
