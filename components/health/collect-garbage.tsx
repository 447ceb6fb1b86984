"use client";

import { ActionButton } from "../action.tsx";
import { COLLECT_GARBAGE } from "./documents.ts";

/** Runs garbage collection now, instead of at its next scheduled time. */
export function CollectGarbage() {
  return (
    <ActionButton document={COLLECT_GARBAGE} variables={{ input: {} }} done="Garbage collection has run." kind="plain">
      Run now
    </ActionButton>
  );
}
