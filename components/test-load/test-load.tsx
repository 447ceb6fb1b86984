"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Posts generated messages at a rate, as a job. */
export function TestLoad(props: { project: string; queue: string }) {
  const trigger = (
    <Button needs="generateMessages" where={props.project}>
      Test load…
    </Button>
  );
  return <Opener trigger={trigger} load={loadForm} props={props} />;
}

const loadForm = () => import("./test-load-form.tsx");
