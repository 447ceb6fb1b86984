"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { entryCan } from "./entry-can.ts";
import type { MovableQueue } from "./fragments.ts";

/** Moves a queue to another pool. */
export function MoveQueue({ row }: { row: MovableQueue }) {
  const reason = entryCan.move(row, row.pools);
  const trigger = (
    <Button needs="moveQueue" where={row.project} disabledReason={reason}>
      Move…
    </Button>
  );
  return reason === null ? <Opener trigger={trigger} load={loadMoveForm} props={{ row }} /> : trigger;
}

export const loadMoveForm = () => import("./move-form.tsx");
