"use client";

import { ActionButton } from "../action.tsx";
import { SET_READ_ONLY } from "./documents.ts";

/** Ends that the service is read-only. */
export function AllowChanges() {
  return (
    <ActionButton
      kind="plain"
      document={SET_READ_ONLY}
      variables={{ input: { on: false } }}
      done="Changes are allowed again."
    >
      Allow changes
    </ActionButton>
  );
}
