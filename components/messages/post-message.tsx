"use client";

import { RotateCw, Send } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { PostedBefore } from "./fragments.ts";

/**
 * Posts a message. With `again` the form begins with one that was posted before. `plain`: something else is the first
 * thing to do.
 */
export function PostMessage({
  plain = false,
  ...props
}: {
  project: string;
  queue: string;
  again?: PostedBefore;
  plain?: boolean;
}) {
  return (
    <Opener
      trigger={
        props.again === undefined ? (
          <Button kind={plain ? "plain" : "primary"}>
            <Send aria-hidden />
            Post a message
          </Button>
        ) : (
          <Button>
            <RotateCw aria-hidden />
            Edit and post again
          </Button>
        )
      }
      load={loadForm}
      props={props}
    />
  );
}

const loadForm = () => import("./post-message-form.tsx");
