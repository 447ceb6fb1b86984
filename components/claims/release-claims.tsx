"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { type ClaimsToRelease, counted } from "./holder.ts";

/** Releases all these claims of one holder, after a question. `kind` left out: small, beside the holder's name. */
export function ReleaseClaims({ kind, ...props }: ClaimsToRelease & { kind?: "primary" | "plain" }) {
  const messages = props.claims.reduce((sum, { messageCount }) => sum + messageCount, 0);
  return (
    <Opener
      trigger={
        <Button
          kind={kind}
          size={kind === undefined ? "small" : "normal"}
          needs="releaseClaim"
          where={props.claims[0]?.project}
        >
          {kind === undefined ? `Release ${messages}…` : `Release ${counted(messages, "message")} of ${props.holder}…`}
        </Button>
      }
      load={loadQuestion}
      props={props}
    />
  );
}

const loadQuestion = () => import("./release-claims-question.tsx");
