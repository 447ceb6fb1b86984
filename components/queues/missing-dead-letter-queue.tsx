"use client";

import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { SEVERITIES } from "../problems/looks.ts";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { Notice } from "../ui/notice.tsx";
import { CREATE_QUEUE } from "./documents.ts";

export interface MissingDeadLetterQueueProps {
  project: string;
  queue: string;
  deadLetterQueue: string;
  maxClaimCount: number;
  /** Null: unknown, because the pool does not answer. */
  exhausted: { count: number; exact: boolean } | null;
}

/** Stands above the tabs of a queue whose dead letter queue is missing: what that means, and what to do. */
export default function MissingDeadLetterQueue({
  project,
  queue,
  deadLetterQueue,
  maxClaimCount,
  exhausted,
}: MissingDeadLetterQueueProps) {
  const deliveries = maxClaimCount === 1 ? "once" : `${formatCount(Math.max(0, maxClaimCount))} times`;
  const count = exhausted?.count ?? 0;
  const { shape, ink } = SEVERITIES[count > 0 ? "CRITICAL" : "WARNING"];
  return (
    <Notice
      shape={shape}
      ink={ink}
      label="Missing dead letter queue"
      action={
        <ActionButton
          kind="primary"
          document={CREATE_QUEUE}
          variables={{ input: { project, queue: deadLetterQueue } }}
          done={`Queue ${deadLetterQueue} is created.`}
        >
          Create {deadLetterQueue}
        </ActionButton>
      }
    >
      <b className="font-semibold">
        The dead letter queue <span className="font-mono text-xs">{deadLetterQueue}</span> does not exist.
      </b>{" "}
      {count === 0
        ? `A message that was delivered ${deliveries} becomes exhausted: nobody can claim it. `
        : `${formatCount(count, exhausted?.exact ? "exact" : "at-least")} ${count === 1 ? "message is" : "messages are"} exhausted: delivered ${deliveries}, and nobody can claim ${count === 1 ? "it" : "them"}. `}
      Create it, and the next claim moves exhausted messages there. Or allow more deliveries in the{" "}
      <Link href={paths.queue(project, queue, "settings")} className="text-accent underline underline-offset-2">
        settings
      </Link>
      .
    </Notice>
  );
}
