import { paths } from "../paths.ts";
import { Link } from "../ui/link.tsx";
import { visible } from "../ui/visible.tsx";

/** The label of the unnamed project. */
const UNNAMED_PROJECT = "(no project)";

export function projectLabel(project: string): string {
  return project === "" ? UNNAMED_PROJECT : project;
}

/** Stands before a name in the project: "shop / ". Null: the name belongs to no project. */
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
