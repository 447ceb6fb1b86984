"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Posts generated messages at a rate, as a job. */
export function TestLoad(props: { project: string; queue: string }) {
  return <Opener trigger={<Button>Test load…</Button>} load={loadForm} props={props} />;
}

const loadForm = () => import("./test-load-form.tsx");
