"use client";

import { RotateCw } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { BodyVisibility, PostedBefore } from "./fragments.ts";
import { loadPostMessageForm } from "./post-message.tsx";

/** Posts a message that begins as one that was posted before. */
export function PostAgain(props: { project: string; queue: string; again: PostedBefore; sees: BodyVisibility }) {
  const { sees, ...form } = props;
  return (
    <Opener
      trigger={
        <Button
          needs="postMessages"
          disabledReason={sees === "FULL" ? null : "You do not see its whole body, so you cannot post it again."}
        >
          <RotateCw aria-hidden />
          Edit and post again
        </Button>
      }
      load={loadPostMessageForm}
      props={form}
    />
  );
}
