/** Roles and scopes in words. */
import { projectLabel } from "../projects/project-name.tsx";

export interface Grant {
  role: "VIEWER" | "OPERATOR" | "ADMIN";
  /** Null: all. */
  projects: readonly string[] | null;
}

export const ROLE_WORDS = { VIEWER: "viewer", OPERATOR: "operator", ADMIN: "admin" } as const;

/** "all projects", "shop and mail" */
export function projectsText(projects: readonly string[] | null): string {
  if (projects === null) return "all projects";
  const names = projects.map(projectLabel);
  return names.length < 2 ? (names[0] ?? "no project") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** "admin in all projects", "viewer in all projects, operator in shop" */
export function grantsText(grants: readonly Grant[]): string {
  if (grants.length === 0) return "no role";
  return grants.map(({ role, projects }) => `${ROLE_WORDS[role]} in ${projectsText(projects)}`).join(", ");
}
