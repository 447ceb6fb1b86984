import { cache } from "react";
import { ActionButton } from "../components/action.tsx";
import { Failed } from "../components/failed.tsx";
import { paths } from "../components/paths.ts";
import { projectLabel } from "../components/project-name.tsx";
import { CREATE_QUEUE } from "../components/queues/documents.ts";
import { LinkButton } from "../components/ui/button.tsx";
import { JsonViewer } from "../components/ui/json-viewer.tsx";
import { NameLink } from "../components/ui/name-link.tsx";
import { Facts, Panel } from "../components/ui/page.tsx";
import { ErrorState } from "../components/ui/states.tsx";
import { Utc } from "../components/ui/time.tsx";
import { type Failure, load } from "./execute.ts";

const KNOWN = /* GraphQL */ `
  query QueueWithoutPool($project: String, $name: String!) {
    queue(project: $project, name: $name) {
      createdAt
      updatedAt
      metadataText
      attributes {
        flavor
      }
      catalogueEntry {
        pool
      }
    }
  }
`;

interface Answer {
  queue: {
    createdAt: string;
    updatedAt: string;
    metadataText: string;
    attributes: { flavor: string | null };
    catalogueEntry: { pool: string } | null;
  } | null;
}

interface Address {
  project: string;
  queue: string;
}

/** What the control database has of it: once a request, whichever parts of the page ask. */
const known = cache((project: string, name: string) => load<Answer>(KNOWN, { project, name }));

/** The codes that a pool is to blame for. */
const TITLES: Record<string, (pool: string) => string> = {
  STORAGE_UNAVAILABLE: (pool) => `The pool ${pool} cannot be reached`,
  DEADLINE_EXCEEDED: (pool) => `The pool ${pool} did not answer in time`,
};

/** In place of what lives in a queue's pool. Without an error: the pool could not say. */
export async function QueueFailed({
  project,
  queue,
  error = { code: "STORAGE_UNAVAILABLE", message: "It could not say how full the queue is." },
}: Address & { error?: Failure }) {
  const title = TITLES[error.code];
  const mayBeUnmapped = error.code === "QUEUE_NOT_MAPPED";
  const loaded = title || mayBeUnmapped ? await known(project, queue) : null;
  const entry = loaded?.ok ? loaded.data.queue?.catalogueEntry : undefined;
  if (entry === null) return <NotInCatalogue project={project} queue={queue} />;
  const pool = entry?.pool;
  if (title === undefined || pool === undefined) return <Failed error={error} />;
  return (
    <ErrorState
      title={title(pool)}
      code={error.code}
      action={<LinkButton href={paths.pool(pool)}>Pool {pool}</LinkButton>}
    >
      {error.message} What is in the queue shows here again once its pool answers.
    </ErrorState>
  );
}

function NotInCatalogue({ project, queue }: Address) {
  return (
    <ErrorState
      title="This queue is not in the catalogue"
      code="QUEUE_NOT_MAPPED"
      action={
        <>
          <ActionButton
            kind="primary"
            document={CREATE_QUEUE}
            variables={{ input: { project, name: queue } }}
            done={`Queue ${queue} has a pool again.`}
          >
            Place it in a pool
          </ActionButton>
          <LinkButton href={paths.catalogue({ project })}>Catalogue</LinkButton>
        </>
      }
    >
      No pool holds it, so nothing can be posted or read. Placed in a pool, it begins empty; to choose the pool
      yourself, map it in the catalogue.
    </ErrorState>
  );
}

/** What can be said of a queue whose pool is away, or that has none. `metadata` false: the page shows it already. */
export async function QueueWithoutPool({ project, queue, metadata }: Address & { metadata: boolean }) {
  const loaded = await known(project, queue);
  if (!loaded.ok || loaded.data.queue === null) return null;
  const { createdAt, updatedAt, metadataText, attributes, catalogueEntry } = loaded.data.queue;
  return (
    <Panel title="What is known without its pool">
      <Facts
        items={[
          { label: "Project", value: projectLabel(project) },
          {
            label: "Pool",
            value: catalogueEntry ? (
              <NameLink href={paths.pool(catalogueEntry.pool)}>{catalogueEntry.pool}</NameLink>
            ) : (
              "none"
            ),
          },
          { label: "Flavor", value: attributes.flavor ?? "none" },
          { label: "Made", value: <Utc at={createdAt} /> },
          { label: "Settings changed", value: <Utc at={updatedAt} /> },
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
