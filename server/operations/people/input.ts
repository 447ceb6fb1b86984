/** What is given of a person. */
import { z } from "zod";
import type { Grant } from "../../access/access.ts";
import type { Limits } from "../../config.ts";
import { badInput, checkBatch, checkText } from "../input/limits.ts";
import { checkLength, checkProject } from "../input/names.ts";

export const MAX_EMAIL_LENGTH = 254;
export const MAX_PERSON_NAME_LENGTH = 100;
/** Grants of one person. */
export const MAX_GRANTS = 100;

/** Null or left out: all projects. */
export interface GrantInput {
  role: Grant["role"];
  projects?: readonly string[] | null;
}

/** The address in small letters, without white space around it. BAD_INPUT. */
export function checkEmail(email: string): string {
  const address = checkText("email", email).trim().toLowerCase();
  if (address.length > MAX_EMAIL_LENGTH || !z.email().safeParse(address).success) {
    throw badInput("email", `email must be an e-mail address of at most ${MAX_EMAIL_LENGTH} characters.`);
  }
  return address;
}

export function checkPersonName(name: string): string {
  return checkLength("name", checkText("name", name).trim(), MAX_PERSON_NAME_LENGTH);
}

/** BAD_INPUT for none: whoever should have none is disabled or deleted. */
export function checkGrants(limits: Limits, grants: readonly GrantInput[]): Grant[] {
  if (grants.length === 0 || grants.length > MAX_GRANTS) {
    throw badInput(
      "grants",
      `grants must have 1 to ${MAX_GRANTS} entries. To take all rights away, disable the person.`,
    );
  }
  return grants.map(({ role, projects }, index) => {
    if (projects === null || projects === undefined) return { role, projects: "all" };
    const field = `grants.${index}.projects`;
    if (projects.length === 0) throw badInput(field, `${field} must name a project. Left out, it means all projects.`);
    return {
      role,
      projects: [...new Set(checkBatch(limits, field, projects).map((name) => checkProject(limits, name)))],
    };
  });
}
