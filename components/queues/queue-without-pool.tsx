import { ActionButton } from "../action.tsx";
import { Failed, type Failure } from "../failed.tsx";
import { paths } from "../paths.ts";
import { projectLabel } from "../projects/project-name.tsx";
import { LinkButton } from "../ui/button.tsx";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Facts, Panel } from "../ui/page.tsx";
import { ErrorState } from "../ui/states.tsx";
import { Instant } from "../ui/time.tsx";
import { CREATE_QUEUE } from "./documents.ts";
import type { QueueWithoutPoolFacts } from "./fragments.ts";

/** Codes of failures that are the pool's. */
const TITLES: Record<string, (pool: string) => string> = {
  STORAGE_UNAVAILABLE: (pool) => `Pool ${pool} is unreachable`,
  DEADLINE_EXCEEDED: (pool) => `Pool ${pool} did not answer in time`,
};

/** Stands in place of what the queue's pool would tell. */
export function QueueFailed({
  project,
  queue,
  pool,
  error = { code: "QUEUE_NOT_MAPPED", message: "The queue is not in the catalogue." },
}: {
  project: string;
  queue: string;
  /** The pool that holds the queue. Null: none does. */
  pool: string | null;
  /** Left out: no pool could be asked. */
  error?: Failure;
}) {
  const title = TITLES[error.code];
  const isPool = title !== undefined || error.code === "QUEUE_NOT_MAPPED";
  if (isPool && pool === null) return <NotInCatalogue project={project} queue={queue} />;
  if (title === undefined || pool === null) return <Failed error={error} />;
  return (
    <ErrorState
      title={title(pool)}
      code={error.code}
      action={<LinkButton href={paths.pool(pool)}>Pool {pool}</LinkButton>}
    >
      {error.message} The content of the queue shows here once its pool answers.
    </ErrorState>
  );
}

function NotInCatalogue({ project, queue }: { project: string; queue: string }) {
  return (
    <ErrorState
      title="This queue is not in the catalogue"
      code="QUEUE_NOT_MAPPED"
      action={
        <>
          <ActionButton
            kind="primary"
            document={CREATE_QUEUE}
            variables={{ input: { project, queue } }}
            done={`Queue ${queue} has a pool again.`}
          >
            Place it in a pool
          </ActionButton>
          <LinkButton href={paths.catalogue({ project })}>Catalogue</LinkButton>
        </>
      }
    >
      No pool holds it, so nobody can post or read. If you place it in a pool, it starts empty. To choose the pool
      yourself, map the queue in the catalogue.
    </ErrorState>
  );
}

/** What the control database knows of a queue whose pool does not answer, or that has none. */
export function QueueWithoutPool({
  project,
  queue: { createdAt, updatedAt, metadataText, attributes, catalogueEntry },
  metadata,
}: {
  project: string;
  queue: QueueWithoutPoolFacts;
  /** False: the page shows the metadata already. */
  metadata: boolean;
}) {
  return (
    <Panel title="Known without its pool">
      <Facts
        items={[
          { label: "Project", value: projectLabel(project) },
          {
            label: "Pool",
            value: catalogueEntry ? (
              <NameLink href={paths.pool(catalogueEntry.poolName)}>{catalogueEntry.poolName}</NameLink>
            ) : (
              "none"
            ),
          },
          { label: "Flavor", value: attributes.flavor ?? "none" },
          { label: "Created", value: <Instant at={createdAt} /> },
          { label: "Settings changed", value: <Instant at={updatedAt} /> },
        ]}
      />
      {metadata ? (
        <div className="mt-4">
          <JsonViewer text={metadataText} label="Metadata" />
        </div>
      ) : null}
    </Panel>
  );
}
