"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { loadPauseForm } from "./pause-button.tsx";
import { named, type Target } from "./target.ts";

/** One of many in a list, so it says what it pauses. */
export function PauseInRow({ target }: { target: Target }) {
  const trigger = (
    <Button size="small" kind="ghost" needs="pause" where={target.project ?? null}>
      Pause… <span className="sr-only">{named(target)}</span>
    </Button>
  );
  return <Opener trigger={trigger} load={loadPauseForm} props={{ target }} />;
}
