"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Purges what was posted before a time that the user chooses. */
export function PurgeOlder({ project, queue }: { project: string; queue: string }) {
  return (
    <Opener
      trigger={
        <Button kind="danger" needs="purgeQueue" where={project}>
          Purge old messages
        </Button>
      }
      load={loadForm}
      props={{ project, queue }}
    />
  );
}

const loadForm = () => import("./purge-older-form.tsx");
