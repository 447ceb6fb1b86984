"use client";

import { useFormContext } from "react-hook-form";
import { SelectField, TextAreaField } from "../ui/form.tsx";
import { z } from "../zod.ts";
import type { PersonRow } from "./fragments.ts";
import { ROLES, readProjects, writeProjects } from "./words.ts";

/** Where a role is given. */
const WHERE = [
  { value: "nowhere", label: "No project" },
  { value: "all", label: "All projects" },
  { value: "some", label: "These projects" },
];

const place = z
  .object({ where: z.enum(["nowhere", "all", "some"]), projects: z.string() })
  .refine(({ where, projects }) => where !== "some" || readProjects(projects).length > 0, {
    path: ["projects"],
    message: "Enter at least one project.",
  });

export const grantFields = z.object({ ADMIN: place, OPERATOR: place, VIEWER: place });
type Fields = z.input<typeof grantFields>;

/** The fields of what somebody has. Several grants of one role are one. */
export function fieldsOf(grants: PersonRow["grants"]): Fields {
  const placeOf = (role: PersonRow["grants"][number]["role"]): Fields["ADMIN"] => {
    const these = grants.filter((grant) => grant.role === role);
    if (these.some(({ projects }) => projects === null)) return { where: "all", projects: "" };
    const names = these.flatMap(({ projects }) => projects ?? []);
    return { where: names.length === 0 ? "nowhere" : "some", projects: writeProjects(names) };
  };
  return { ADMIN: placeOf("ADMIN"), OPERATOR: placeOf("OPERATOR"), VIEWER: placeOf("VIEWER") };
}

/** As the API takes them. */
export function grantsOf(fields: Fields) {
  return ROLES.flatMap((role) => {
    const { where, projects } = fields[role];
    if (where === "nowhere") return [];
    return [where === "all" ? { role } : { role, projects: readProjects(projects) }];
  });
}

const LABELS = { ADMIN: "Admin in", OPERATOR: "Operator in", VIEWER: "Viewer in" } as const;
const ABOUT = {
  ADMIN: "Also the catalogue, rules of bodies and tokens; in all projects also pools, flavors and people.",
  OPERATOR: "Queues, messages, claims, subscriptions and jobs.",
  VIEWER: "Reads.",
} as const;

/** Each role, and where. */
export function GrantFields() {
  const values = useFormContext<{ grants: Fields }>().watch("grants");
  return (["ADMIN", "OPERATOR", "VIEWER"] as const).map((role) => (
    <div key={role} className="grid gap-2 sm:grid-cols-2">
      <SelectField name={`grants.${role}.where`} label={LABELS[role]} choices={WHERE} description={ABOUT[role]} />
      {values[role].where === "some" ? (
        <TextAreaField
          name={`grants.${role}.projects`}
          label={`${LABELS[role]} these projects`}
          rows={2}
          description="One name a line."
        />
      ) : null}
    </div>
  ));
}
