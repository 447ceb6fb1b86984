"use client";

import { Trash2 } from "lucide-react";
import { ConfirmedAction } from "../action.tsx";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { PURGE_QUEUE } from "./documents.ts";
import type { QueueFrameFacts } from "./fragments.ts";

/** Deletes all messages of a queue, after a question that says how many. */
export function PurgeQueue({
  project,
  queue,
  stats,
}: {
  project: string;
  queue: string;
  stats: QueueFrameFacts["stats"];
}) {
  return (
    <ConfirmedAction
      document={PURGE_QUEUE}
      variables={{ input: { project, queue, resources: ["MESSAGES"] } }}
      done={`Queue ${queue} is empty.`}
      trigger={
        <Button kind="danger" disabledReason={stats?.exact && totalOf(stats) === 0 ? "It has no messages." : null}>
          <Trash2 aria-hidden />
          Purge…
        </Button>
      }
      title={`Purge ${queue}?`}
      consequence={`${whichMessages(stats)} The queue stays.`}
      confirmLabel="Purge messages"
    />
  );
}

const totalOf = ({ ready, claimed, delayed, exhausted }: NonNullable<QueueFrameFacts["stats"]>) =>
  ready + claimed + delayed + exhausted;

function whichMessages(stats: QueueFrameFacts["stats"]): string {
  if (stats === null) return "All messages are deleted at once, including those that workers hold now.";
  const exact = stats.exact ? "exact" : "about";
  const all = totalOf(stats) === 1 ? "Its only message is" : `All ${formatCount(totalOf(stats), exact)} messages are`;
  const held = stats.claimed === 0 ? "" : `, including ${formatCount(stats.claimed, exact)} that workers hold now`;
  return `${all} deleted at once${held}.`;
}
