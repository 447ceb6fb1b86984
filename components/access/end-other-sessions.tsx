"use client";

import { ActionButton } from "../action.tsx";
import { END_SESSIONS } from "./documents.ts";
import type { SessionRow } from "./fragments.ts";

/** Signs somebody out everywhere but here. */
export function EndOtherSessions({ personId, sessions }: { personId: string; sessions: readonly SessionRow[] }) {
  return (
    <ActionButton
      kind="plain"
      document={END_SESSIONS}
      variables={{ input: { personId, others: true } }}
      done="Your other sessions are over."
      disabledReason={sessions.every(({ isCurrent }) => isCurrent) ? "This is your only session." : null}
    >
      End all others
    </ActionButton>
  );
}
