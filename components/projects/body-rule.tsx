"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { ProjectRow } from "./fragments.ts";
import { projectLabel } from "./project-name.tsx";

const READERS = { VIEWER: "all who read", OPERATOR: "operators", ADMIN: "admins" } as const;

/** Who reads the bodies of a project's messages; a click changes it. Nothing where that could not be read. */
export function BodyRule({ project }: { project: ProjectRow }) {
  const { bodyRule } = project;
  if (bodyRule === null) return null;
  const masked = bodyRule.readBy === "VIEWER" ? 0 : bodyRule.maskedPaths.length;
  const trigger = (
    <Button size="small" kind="ghost" needs="setBodyRule" where={project.name}>
      {READERS[bodyRule.readBy]}
      {masked === 0 ? null : `, ${masked} masked`}…
      <span className="sr-only"> read bodies in {projectLabel(project.name)}</span>
    </Button>
  );
  return <Opener trigger={trigger} load={loadForm} props={{ project }} />;
}

const loadForm = () => import("./body-rule-form.tsx");
