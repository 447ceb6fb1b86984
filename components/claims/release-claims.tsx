"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { counted } from "./holder.ts";

export interface ClaimsToRelease {
  holder: string;
  claims: readonly { project: string; queueName: string; id: string; messageCount: number }[];
}

/** Releases all these claims of one holder, after a question. */
export function ReleaseClaims({
  size,
  primary = false,
  ...props
}: ClaimsToRelease & { size?: "small"; primary?: boolean }) {
  const messages = props.claims.reduce((sum, { messageCount }) => sum + messageCount, 0);
  return (
    <Opener
      trigger={
        <Button kind={primary ? "primary" : "plain"} size={size}>
          {primary ? `Release ${counted(messages, "message")} of ${props.holder}…` : `Release ${messages}…`}
        </Button>
      }
      load={loadQuestion}
      props={props}
    />
  );
}

const loadQuestion = () => import("./release-claims-question.tsx");
