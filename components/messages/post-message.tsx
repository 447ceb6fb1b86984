"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Posts a message. `plain`: something else is the first thing to do. */
export function PostMessage({ plain = false, ...props }: { project: string; queue: string; plain?: boolean }) {
  return (
    <Opener
      trigger={
        <Button kind={plain ? "plain" : "primary"} needs="postMessages" where={props.project}>
          Post a message
        </Button>
      }
      load={loadPostMessageForm}
      props={props}
    />
  );
}

export const loadPostMessageForm = () => import("./post-message-form.tsx");
