import { ActionButton, ConfirmedAction } from "../action.tsx";
import { COLLECT_GARBAGE } from "../health/documents.ts";
import { DRAIN_POOL, MOVE_QUEUE } from "../moves/documents.ts";
import { paths } from "../paths.ts";
import { CREATE_QUEUE } from "../queues/documents.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { canRetry } from "./fixable.ts";
import type { ProblemRow } from "./fragments.ts";
import { type About, problemPath } from "./looks.ts";

/** What a fix needs to know. */
export type Fixable = Pick<ProblemRow, "fix" | "project" | "queueName" | "poolName" | "job"> & {
  /** The name of the queue to create. */
  deadLetterQueue: string | null;
};

/** The button that fixes a problem, or the way to where it is fixed. `primary`: it is the most useful of the page. */
export function ProblemFix({ fixable, primary = false }: { fixable: Fixable; primary?: boolean }) {
  const kind = primary ? "primary" : "plain";
  const { fix, project, queueName, poolName, job, deadLetterQueue } = fixable;
  if (fix === "CREATE_DEAD_LETTER_QUEUE" && project !== null && deadLetterQueue !== null) {
    return (
      <ActionButton
        kind={kind}
        document={CREATE_QUEUE}
        variables={{ input: { project, queue: deadLetterQueue } }}
        done={`Queue ${deadLetterQueue} is created.`}
      >
        <span className="max-w-24 truncate max-md:max-w-60 xl:max-w-32">Create {deadLetterQueue}</span>
      </ActionButton>
    );
  }
  if (fix === "RELEASE_CLAIMS" && project !== null && queueName !== null) {
    return (
      <LinkButton size="small" kind={kind} href={paths.queue(project, queueName, "claims")}>
        Show claims
      </LinkButton>
    );
  }
  if (fix === "COLLECT_GARBAGE") {
    return (
      <ActionButton kind={kind} document={COLLECT_GARBAGE} variables={{ input: {} }} done="Garbage collection has run.">
        Collect garbage
      </ActionButton>
    );
  }
  if (fix === "RETRY_JOB" && job !== null) {
    if (canRetry(job)) return <RetryJob job={job} kind={kind} />;
    return (
      <LinkButton size="small" kind={kind} href={paths.act(null, { again: job.id })}>
        New dry run
      </LinkButton>
    );
  }
  return <Whereto {...{ project, queueName, poolName, job, kind }} />;
}

function RetryJob({ job, kind }: { job: NonNullable<ProblemRow["job"]>; kind: "primary" | "plain" }) {
  const input: { pool?: string } = JSON.parse(job.inputText);
  const trigger = (
    <Button size="small" kind={kind}>
      Retry job…
    </Button>
  );
  if (job.kind === "DRAIN_POOL" || input.pool === undefined) {
    return (
      <ConfirmedAction
        document={DRAIN_POOL}
        variables={{ input: { pool: job.targetName } }}
        done={`Pool ${job.targetName} is being drained.`}
        trigger={trigger}
        title={`Drain pool ${job.targetName} again?`}
        consequence="Its queues move to the other pools of their flavors, by weight, while clients use them."
        confirmLabel="Drain pool"
      />
    );
  }
  return (
    <ConfirmedAction
      document={MOVE_QUEUE}
      variables={{ input: { project: job.project ?? "", queue: job.targetName, pool: input.pool } }}
      done={`Queue ${job.targetName} is moving to ${input.pool}.`}
      trigger={trigger}
      title={`Move ${job.targetName} to ${input.pool} again?`}
      consequence="Its messages, claims and subscriptions move, while clients use it."
      confirmLabel="Move"
    />
  );
}

function Whereto({ kind, ...about }: About & { kind: "primary" | "plain" }) {
  const { queueName, poolName, job } = about;
  const what = job ? "Open job" : queueName !== null ? "Open queue" : poolName !== null ? "Open pool" : "Show jobs";
  return (
    <LinkButton size="small" kind={kind} href={problemPath(about)}>
      {what}
    </LinkButton>
  );
}
