"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { Target } from "./target.ts";

/** Pauses a queue, a project or everything, with a reason. */
export function PauseButton({ target }: { target: Target }) {
  const label = target.project === undefined ? "Pause everything…" : "Pause…";
  return <Opener trigger={<Button>{label}</Button>} load={loadPauseForm} props={{ target }} />;
}

export const loadPauseForm = () => import("./pause-form.tsx");
