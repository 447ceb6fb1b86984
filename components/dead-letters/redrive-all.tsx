import { actHref } from "../acting/choices.ts";
import type { QueueFrameFacts } from "../queues/fragments.ts";
import { LinkButton } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";

/** The queue takes the dead letters of others, and has some. */
export function hasDeadLetters(queue: QueueFrameFacts | null): boolean {
  if (!queue?.stats || queue.deadLetterSources.length === 0) return false;
  return queue.stats.ready + queue.stats.claimed + queue.stats.delayed > 0;
}

/** Leads to where all dead letters of a queue are moved back. Nothing for a queue without any. */
export function RedriveAll({ project, name, queue }: { project: string; name: string; queue: QueueFrameFacts }) {
  if (!hasDeadLetters(queue) || !queue.stats) return null;
  const { ready, claimed, delayed, exact } = queue.stats;
  return (
    <LinkButton
      kind="primary"
      href={actHref({ kind: "queue", project, name }, { action: "redrive", which: "all" })}
      needs="startJob"
      where={project}
    >
      Redrive {formatCount(ready + claimed + delayed, exact ? "exact" : "about")}…
    </LinkButton>
  );
}
