"use client";

import { ActionButton } from "./action.tsx";

const COLLECT_GARBAGE = /* GraphQL */ `
  mutation CollectGarbage($input: CollectGarbageInput!) {
    collectGarbage(input: $input) {
      seconds
    }
  }
`;

/** Frees at once what the schedule would free in a moment. */
export function CollectGarbage() {
  return (
    <ActionButton document={COLLECT_GARBAGE} variables={{ input: {} }} done="The collection has run." kind="plain">
      Run now
    </ActionButton>
  );
}
