"use client";

import { BellOff } from "lucide-react";
import { ActionButton } from "../action.tsx";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { UNSNOOZE_PROBLEM } from "./documents.ts";
import type { ProblemRow } from "./fragments.ts";

/** Silences a problem, or ends its silence. */
export function SnoozeProblem({
  problem: { id, text, project, snoozedUntil },
}: {
  problem: Pick<ProblemRow, "id" | "text" | "project" | "snoozedUntil">;
}) {
  if (snoozedUntil !== null) {
    return (
      <ActionButton
        document={UNSNOOZE_PROBLEM}
        variables={{ input: { id } }}
        where={project}
        done="The problem is told again."
      >
        End silence <span className="sr-only">of: {text}</span>
      </ActionButton>
    );
  }
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
