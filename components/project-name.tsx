import { paths } from "./paths.ts";
import { Link } from "./ui/link.tsx";

/** The unnamed project, where people read it. */
const UNNAMED_PROJECT = "(no project)";

export function projectLabel(project: string): string {
  return project === "" ? UNNAMED_PROJECT : project;
}

export function ProjectLink({ project }: { project: string }) {
  return (
    <Link href={paths.queues(project)} className="underline-offset-2 hover:underline">
      {projectLabel(project)}
    </Link>
  );
}
