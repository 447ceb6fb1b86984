"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { named, type Target } from "./target.ts";

/** Pauses a queue, a project or everything, with a reason. */
export function PauseButton({ target, small = false }: { target: Target; small?: boolean }) {
  const trigger = (
    <Button size={small ? "small" : "normal"} kind={small ? "ghost" : "plain"}>
      {target.project === undefined ? "Pause everything…" : "Pause…"}
      {/* One of many in a list. */}
      {small ? <span className="sr-only"> {named(target)}</span> : null}
    </Button>
  );
  return <Opener trigger={trigger} load={loadForm} props={{ target }} />;
}

const loadForm = () => import("./pause-form.tsx");
