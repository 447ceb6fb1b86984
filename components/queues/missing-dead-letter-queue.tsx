"use client";

import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { SEVERITIES } from "../problems/looks.ts";
import { classes } from "../ui/classes.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { CREATE_QUEUE } from "./documents.ts";

export interface MissingDeadLetterQueueProps {
  project: string;
  queue: string;
  deadLetterQueue: string;
  maxClaimCount: number;
  /** Null: unknown, because the pool does not answer. */
  exhausted: { count: number; exact: boolean } | null;
}

/** Stands above a queue whose dead letter queue is missing: what that means for its messages, and what to do. */
export default function MissingDeadLetterQueue({
  project,
  queue,
  deadLetterQueue,
  maxClaimCount,
  exhausted,
}: MissingDeadLetterQueueProps) {
  const deliveries = maxClaimCount === 1 ? "once" : `${formatCount(Math.max(0, maxClaimCount))} times`;
  const name = <code className="font-mono text-xs text-ink">{deadLetterQueue}</code>;
  const some = exhausted !== null && exhausted.count > 0;
  const { shape, ink } = SEVERITIES[some ? "CRITICAL" : "WARNING"];
  return (
    <section
      aria-label="Missing dead letter queue"
      className={classes(
        "mb-4 flex flex-wrap items-start gap-x-4 gap-y-2 rounded border bg-surface px-4 py-3",
        some ? "border-danger" : "border-warn",
      )}
    >
      <span className="mt-0.5">
        <Glyph shape={shape} ink={ink} />
      </span>
      <div className="min-w-0 flex-1 basis-64 wrap-anywhere">
        <p className="font-medium">
          {some
            ? `${formatCount(exhausted.count, exhausted.exact ? "exact" : "at-least")} exhausted: nobody can claim ${exhausted.count === 1 ? "this message" : "these messages"}`
            : "The dead letter queue is missing"}
        </p>
        <p className="max-w-prose text-muted">
          {some
            ? `${exhausted.count === 1 ? "It was" : "They were"} delivered ${deliveries}, the most that this queue allows. `
            : `A message that was delivered ${deliveries} becomes exhausted: nobody can claim it. `}
          The dead letter queue {name} does not exist. Create it, and the next claim moves exhausted messages there. Or
          allow more deliveries in the{" "}
          <Link href={paths.queue(project, queue, "settings")} className="text-accent underline underline-offset-2">
            settings
          </Link>
          .
        </p>
      </div>
      <ActionButton
        kind="primary"
        document={CREATE_QUEUE}
        variables={{ input: { project, queue: deadLetterQueue } }}
        done={`Queue ${deadLetterQueue} is created.`}
      >
        Create {deadLetterQueue}
      </ActionButton>
    </section>
  );
}
