"use client";

import AskFirst from "../confirmed-action.tsx";
import { formatCount } from "../ui/format.ts";
import { PURGE_QUEUE } from "./documents.ts";
import type { QueueFrameFacts } from "./fragments.ts";
import { totalOf } from "./total-of.ts";

/** Asks before all messages of a queue are deleted, and says how many they are. */
export default function PurgeQuestion({
  project,
  queue,
  stats,
}: {
  project: string;
  queue: string;
  stats: QueueFrameFacts["stats"];
}) {
  return (
    <AskFirst
      document={PURGE_QUEUE}
      variables={{ input: { project, queue, resources: ["MESSAGES"] } }}
      done={`Queue ${queue} is empty.`}
      title={`Purge ${queue}?`}
      consequence={`${whichMessages(stats)} The queue stays.`}
      confirmLabel="Purge messages"
    />
  );
}

function whichMessages(stats: QueueFrameFacts["stats"]): string {
  if (stats === null) return "All messages are deleted at once, including those that workers hold now.";
  const exact = stats.exact ? "exact" : "about";
  const all = totalOf(stats) === 1 ? "Its only message is" : `All ${formatCount(totalOf(stats), exact)} messages are`;
  const held = stats.claimed === 0 ? "" : `, including ${formatCount(stats.claimed, exact)} that workers hold now`;
  return `${all} deleted at once${held}.`;
}
