"use client";

import { ActionButton } from "../action.tsx";
import type { ButtonKind } from "../ui/button.tsx";
import { RESUME } from "./documents.ts";
import { capital, inputOf, named, type Target } from "./target.ts";

export function ResumeButton({ target, kind = "plain" }: { target: Target; kind?: ButtonKind }) {
  return (
    <ActionButton
      kind={kind}
      document={RESUME}
      variables={{ input: { target: inputOf(target) } }}
      where={target.project ?? null}
      done={`${capital(named(target))} is resumed.`}
    >
      Resume <span className="sr-only">{named(target)}</span>
    </ActionButton>
  );
}
