"use client";

import { FormDialog } from "../form-dialog.tsx";
import { SelectField, TextAreaField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import { SET_BODY_RULE } from "./documents.ts";
import type { ProjectRow } from "./fragments.ts";
import { projectLabel } from "./project-name.tsx";

const schema = z.object({ readBy: z.enum(["VIEWER", "OPERATOR", "ADMIN"]), maskedPaths: z.string() });

const pathsOf = (text: string) => text.split("\n").flatMap((line) => line.trim() || []);

/** Who reads the bodies of a project's messages, and what others see of them. */
export default function BodyRuleForm({ project }: { project: ProjectRow }) {
  const { readBy = "OPERATOR", maskedPaths = [] } = project.bodyRule ?? {};
  return (
    <FormDialog
      title={`Who reads bodies in ${projectLabel(project.name)}`}
      description="It is about bodies and headers, wherever messages are shown. Programs see in full what they claim."
      submitLabel="Save"
      document={SET_BODY_RULE}
      schema={schema}
      defaults={{ readBy, maskedPaths: maskedPaths.join("\n") }}
      variables={(values) => ({
        input: { project: project.name, readBy: values.readBy, maskedPaths: pathsOf(values.maskedPaths) },
      })}
      done={() => "The rule applies within a second."}
    >
      <SelectField
        name="readBy"
        label="Read in full by"
        choices={[
          { value: "VIEWER", label: "Viewers, operators and admins" },
          { value: "OPERATOR", label: "Operators and admins" },
          { value: "ADMIN", label: "Admins" },
        ]}
      />
      <TextAreaField
        name="maskedPaths"
        label="Masked for others"
        description="A path on each line, such as $.card.number, $.items[*].secret or $..password. None: others see nothing of bodies."
        rows={4}
      />
    </FormDialog>
  );
}
