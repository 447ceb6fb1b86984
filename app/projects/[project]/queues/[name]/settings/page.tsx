import type { Metadata } from "next";
import { named } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { textOf } from "@/components/graphql.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueSettings } from "@/components/queues/queue-settings.tsx";
import { SETTINGS_PAGE } from "../documents.ts";

interface Props {
  params: Promise<{ project: string; name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: settings` };
}

export default async function SettingsPage({ params }: Props) {
  const segments = await params;
  const variables = { project: named(segments.project), queue: named(segments.name) };
  const loaded = await load(SETTINGS_PAGE, variables);
  const queue = loaded.ok ? loaded.data.queue : null;
  return (
    <QueueFrame
      project={variables.project}
      name={variables.queue}
      tab="settings"
      queue={loaded.ok ? { ok: true, data: queue } : loaded}
      graphql={{ document: textOf(SETTINGS_PAGE), variables }}
    >
      {queue ? (
        <QueueSettings project={variables.project} name={variables.queue} stats={queue.stats} settings={queue} />
      ) : null}
    </QueueFrame>
  );
}
