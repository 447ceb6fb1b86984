/** Roles and scopes in words. */
import { projectLabel } from "../projects/project-name.tsx";

export const ROLES = ["VIEWER", "OPERATOR", "ADMIN"] as const;
type Role = (typeof ROLES)[number];

const ROLE_WORDS: Readonly<Record<Role, string>> = { VIEWER: "viewer", OPERATOR: "operator", ADMIN: "admin" };

/** "all projects", "shop and mail". Null: all. */
export function projectsText(projects: readonly string[] | null): string {
  if (projects === null) return "all projects";
  const names = projects.map(projectLabel);
  return names.length < 2 ? (names[0] ?? "no project") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** "admin in all projects", "viewer in all projects, operator in shop" */
export function grantsText(grants: readonly { role: Role; projects: readonly string[] | null }[]): string {
  if (grants.length === 0) return "no role";
  return grants.map(({ role, projects }) => `${ROLE_WORDS[role]} in ${projectsText(projects)}`).join(", ");
}

/** What stands for the project without a name in a list of names. */
const UNNAMED = '""';

/** One name a line, as people type them. */
export function readProjects(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ""))].map((line) => (line === UNNAMED ? "" : line));
}

export function writeProjects(projects: readonly string[]): string {
  return projects.map((name) => (name === "" ? UNNAMED : name)).join("\n");
}
