import { paths } from "../paths.ts";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { NameLink } from "../ui/name-link.tsx";
import type { NamedQueues } from "./choices.ts";
import { FormRow } from "./controls.tsx";

/** The queues that were selected. */
export default function NamedRow({ queues }: { queues: NamedQueues["queues"] }) {
  return (
    <FormRow label="Queues" hint="To choose others, select them in the list of queues.">
      <ul className="flex max-h-44 flex-wrap gap-x-4 gap-y-1 overflow-y-auto" aria-label="Selected queues">
        {queues.map(({ project, name }) => (
          <li key={JSON.stringify([project, name])} className="min-w-0">
            <ProjectPrefix project={project} />
            <NameLink href={paths.queue(project, name)}>{name}</NameLink>
          </li>
        ))}
      </ul>
    </FormRow>
  );
}
