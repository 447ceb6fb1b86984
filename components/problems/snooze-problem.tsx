"use client";

import { BellOff } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { ProblemRow } from "./fragments.ts";

export function SnoozeProblem({
  problem: { id, text, project },
}: {
  problem: Pick<ProblemRow, "id" | "text" | "project">;
}) {
  return (
    <Opener
      trigger={
        <Button kind="ghost" size="small" label={`Silence: ${text}`} needs="snoozeProblem" where={project ?? undefined}>
          <BellOff aria-hidden />
        </Button>
      }
      load={loadForm}
      props={{ id, text }}
    />
  );
}

const loadForm = () => import("./snooze-problem-form.tsx");
