/** The unnamed project, where people read it. */
const UNNAMED_PROJECT = "(no project)";

export function projectLabel(project: string): string {
  return project === "" ? UNNAMED_PROJECT : project;
}
