"use client";

import { BellOff } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { ProblemRow } from "./fragments.ts";

export function SnoozeProblem({ problem: { id, text } }: { problem: Pick<ProblemRow, "id" | "text"> }) {
  return (
    <Opener
      trigger={
        <Button kind="ghost" size="small" label={`Silence: ${text}`}>
          <BellOff aria-hidden />
        </Button>
      }
      load={loadForm}
      props={{ id, text }}
    />
  );
}

const loadForm = () => import("./snooze-problem-form.tsx");
