import { paths } from "./paths.ts";
import { Link } from "./ui/link.tsx";
import { visible } from "./ui/visible.tsx";

/** The unnamed project, where people read it. */
const UNNAMED_PROJECT = "(no project)";

export function projectLabel(project: string): string {
  return project === "" ? UNNAMED_PROJECT : project;
}

/** Before a name that is the project's: "shop / ". Null: the name is nobody's. */
export function ProjectPrefix({ project }: { project: string | null }) {
  if (project === null) return null;
  return (
    <span className="text-muted">
      <span title={project} className="inline-block max-w-40 truncate align-bottom">
        {visible(projectLabel(project))}
      </span>
      {" / "}
    </span>
  );
}

export function ProjectLink({ project }: { project: string }) {
  return (
    <Link
      href={paths.queues(project)}
      title={project}
      className="inline-block max-w-40 truncate align-bottom underline-offset-2 hover:underline"
    >
      {projectLabel(project)}
    </Link>
  );
}
