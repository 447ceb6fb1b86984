"use client";

import { Hand } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Claims messages as a worker does: to keep them from workers, or to see what a worker would get. */
export function CreateClaim({ project, queue }: { project: string; queue: string }) {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createClaim" where={project}>
          <Hand aria-hidden />
          Claim messages
        </Button>
      }
      load={loadForm}
      props={{ project, queue }}
    />
  );
}

const loadForm = () => import("./create-claim-form.tsx");
