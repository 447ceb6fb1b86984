"use client";

import { Plus } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Creates a queue. `project` null: the page shows all projects. */
export function CreateQueue({ project }: { project: string | null }) {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createQueue" where={project ?? undefined}>
          <Plus aria-hidden />
          New queue
        </Button>
      }
      load={loadForm}
      props={{ project }}
    />
  );
}

const loadForm = () => import("./create-queue-form.tsx");
