"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { Target } from "./target.ts";

/** Pauses a queue, a project or everything, with a reason. */
export function PauseButton({ target }: { target: Target }) {
  const label = target.project === undefined ? "Pause everything…" : "Pause…";
  const trigger = (
    <Button needs="pause" where={target.project ?? null}>
      {label}
    </Button>
  );
  return <Opener trigger={trigger} load={loadPauseForm} props={{ target }} />;
}

export const loadPauseForm = () => import("./pause-form.tsx");
