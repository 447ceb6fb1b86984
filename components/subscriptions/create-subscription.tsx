"use client";

import { Plus } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

export function CreateSubscription({ project, queue }: { project: string; queue: string }) {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createQueueSubscription" where={project}>
          <Plus aria-hidden />
          New subscription
        </Button>
      }
      load={loadForm}
      props={{ project, queue }}
    />
  );
}

const loadForm = () => import("./create-subscription-form.tsx");
