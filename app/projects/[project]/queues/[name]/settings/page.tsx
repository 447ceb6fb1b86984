import type { Metadata } from "next";
import { Failed } from "../../../../../../components/failed.tsx";
import { type QueueAttributes, QueueSettings } from "../../../../../../components/queues/queue-settings.tsx";
import { named } from "../../../../../address.ts";
import { load } from "../../../../../execute.ts";
import { QueueFrame } from "../../../../../queue-frame.tsx";

const SETTINGS = /* GraphQL */ `
  query QueueSettings($project: String, $name: String!) {
    queue(project: $project, name: $name) {
      metadataText
      storedAttributes
      attributes {
        defaultMessageTtl
        defaultMessageDelay
        maxMessagesPostSize
        maxClaimCount
        deadLetterQueue
        deadLetterQueueMessagesTtl
        enableEncryptMessages
        flavor
      }
    }
  }
`;

interface Props {
  params: Promise<{ project: string; name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: settings` };
}

export default async function SettingsPage({ params }: Props) {
  const { project, name } = await params;
  const address = { project: named(project), name: named(name) };
  return (
    <QueueFrame {...address} tab="settings">
      <Settings {...address} />
    </QueueFrame>
  );
}

async function Settings({ project, name }: { project: string; name: string }) {
  const loaded = await load<{
    queue: {
      metadataText: string;
      storedAttributes: string[];
      attributes: Omit<QueueAttributes, "retryPolicy">;
    } | null;
  }>(SETTINGS, { project, name });
  if (!loaded.ok) return <Failed error={loaded.error} />;
  const { queue } = loaded.data;
  if (queue === null) return null;
  return (
    <QueueSettings
      project={project}
      name={name}
      metadataText={queue.metadataText}
      stored={queue.storedAttributes}
      attributes={queue.attributes}
    />
  );
}
