"use client";

import { ArrowRightLeft } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { entryCan } from "./entry-can.ts";
import type { MovableQueue } from "./fragments.ts";
import { loadMoveForm } from "./move-queue.tsx";

/** Moves the queue of a row, with an icon only. */
export function MoveInRow({ row }: { row: MovableQueue }) {
  const reason = entryCan.move(row, row.pools);
  const trigger = (
    <Button
      kind="ghost"
      size="small"
      label={`Move ${row.queueName}`}
      needs="moveQueue"
      where={row.project}
      disabledReason={reason}
    >
      <ArrowRightLeft aria-hidden />
    </Button>
  );
  return reason === null ? <Opener trigger={trigger} load={loadMoveForm} props={{ row }} /> : trigger;
}
