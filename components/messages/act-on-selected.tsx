import { actHref } from "../acting/choices.ts";
import { LinkButton } from "../ui/button.tsx";
import type { MessageRow } from "./fragments.ts";

/** What can be done with the messages that are selected: each leads to a dry run. */
export default function ActOnSelected({
  project,
  queue,
  rows,
}: {
  project: string;
  queue: string;
  rows: MessageRow[];
}) {
  const scope = { kind: "queue" as const, project, name: queue };
  const ids = rows.map(({ id }) => id);
  const count = rows.length;
  const needed = { needs: "startJob", where: project };
  return (
    <>
      {rows.every(({ deadLettered }) => deadLettered === null) ? null : (
        <LinkButton
          {...needed}
          size="small"
          kind="primary"
          href={actHref(scope, { action: "redrive", which: "ids", ids })}
        >
          Redrive {count}…
        </LinkButton>
      )}
      <LinkButton {...needed} size="small" href={actHref(scope, { action: "move", which: "ids", ids })}>
        Move {count}…
      </LinkButton>
      {rows.every(({ claim }) => claim === null) ? null : (
        <LinkButton {...needed} size="small" href={actHref(scope, { action: "release", which: "ids", ids })}>
          Release {count}…
        </LinkButton>
      )}
      <LinkButton {...needed} size="small" kind="danger" href={actHref(scope, { action: "delete", which: "ids", ids })}>
        Delete {count}…
      </LinkButton>
    </>
  );
}
