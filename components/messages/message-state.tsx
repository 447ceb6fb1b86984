import type { ReactNode } from "react";
import { State } from "../ui/badge.tsx";
import type { Ink, Shape } from "../ui/glyph.tsx";
import { TimeLeft } from "../ui/time.tsx";
import type { MessageRow } from "./fragments.ts";

/** How each state of messages looks, everywhere. */
export const MESSAGE_STATES: Record<"ready" | "claimed" | "delayed" | "exhausted", { shape: Shape; ink: Ink }> = {
  ready: { shape: "disc", ink: "ready" },
  claimed: { shape: "half disc", ink: "claimed" },
  delayed: { shape: "clock", ink: "delayed" },
  exhausted: { shape: "cross", ink: "danger" },
};

/** Words behind the glyph of a state. */
export function InState({ state, children }: { state: keyof typeof MESSAGE_STATES; children: ReactNode }) {
  return <State {...MESSAGE_STATES[state]}>{children}</State>;
}

export function MessageState({ message }: { message: Pick<MessageRow, "claim" | "delayedUntil" | "state"> }) {
  if (message.claim) {
    return (
      <InState state="claimed">
        Claimed, <TimeLeft until={message.claim.expiresAt} over="expired" />
      </InState>
    );
  }
  if (message.delayedUntil) {
    return (
      <InState state="delayed">
        Delayed, <TimeLeft until={message.delayedUntil} over="ready" />
      </InState>
    );
  }
  if (message.state === "EXHAUSTED") return <InState state="exhausted">Exhausted</InState>;
  return <InState state="ready">Ready</InState>;
}
