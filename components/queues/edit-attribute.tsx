"use client";

import { Pencil, RotateCcw } from "lucide-react";
import { ActionButton } from "../action.tsx";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { ATTRIBUTES, type EditedAttribute } from "./attributes.ts";
import { UPDATE_QUEUE_ATTRIBUTES } from "./documents.ts";

/** Changes one reserved attribute, or resets it to its default. */
export function EditAttribute({ stored, ...edited }: EditedAttribute & { stored: boolean }) {
  const { project, queue, name } = edited;
  const attribute = ATTRIBUTES[name];
  const fixed = attribute.kind === "fixed" ? "This is not supported yet." : null;
  const trigger = (
    <Button
      kind="ghost"
      size="small"
      label={`Change ${name}`}
      needs="updateQueueAttributes"
      where={project}
      disabledReason={fixed}
    >
      <Pencil aria-hidden />
    </Button>
  );
  return (
    <span className="flex justify-end gap-1">
      {stored && fixed === null ? (
        <ActionButton
          document={UPDATE_QUEUE_ATTRIBUTES}
          variables={{ input: { project, queue, attributes: { [attribute.field]: null } } }}
          done={`${name} is reset to its default.`}
          label={`Reset ${name} to its default`}
        >
          <RotateCcw aria-hidden />
        </ActionButton>
      ) : null}
      {fixed === null ? <Opener trigger={trigger} load={loadForm} props={edited} /> : trigger}
    </span>
  );
}

const loadForm = () => import("./attribute-form.tsx");
