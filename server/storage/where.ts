/** The projects that something is about: all of them, or these. A project need not have queues. */
export type Where = "all" | readonly string[];

/** The only project, or null. */
export function onlyProject(projects: Where): string | null {
  return projects !== "all" && projects.length === 1 ? (projects[0] as string) : null;
}

export const includesProject = (projects: Where, project: string): boolean =>
  projects === "all" || projects.includes(project);
