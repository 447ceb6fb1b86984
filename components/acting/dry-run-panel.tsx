"use client";

import { Fragment } from "react";
import { ActionButton } from "../action.tsx";
import type { ApiError } from "../api.ts";
import { Failed } from "../failed.tsx";
import { paths } from "../paths.ts";
import { CREATE_QUEUE } from "../queues/documents.ts";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Panel } from "../ui/page.tsx";
import { Moment, TimeLeft, useNow } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { Choices } from "./choices.ts";
import type { DryRunFacts } from "./fragments.ts";
import { actingOn } from "./sample.ts";
import { LEFT_WORDS, WORDS } from "./words.ts";

interface Props {
  /** Undefined: of several. */
  project: string | undefined;
  choices: Choices;
  facts: DryRunFacts | null;
  /** What the form lacks; null: nothing. */
  missing: string | null;
  /** The choices have changed since. */
  outdated: boolean;
  /** Its job was started. */
  started: boolean;
  reason: string;
  /** How many of the oldest a test takes. Null: there is no test. */
  first: number | null;
  pending: "dry run" | "job" | null;
  failure: ApiError | null;
  onLook: () => void;
  onStart: () => void;
  onStartFirst: () => void;
}

/** What the choices would do, and the button that does it. */
export default function DryRunPanel(props: Props) {
  const { choices, facts, missing, outdated, pending, failure, onLook } = props;
  return (
    <Panel
      flush
      title="2  Dry run"
      actions={
        <>
          {facts === null ? null : (
            <span className="text-xs text-muted">
              <Moment seconds at={facts.createdAt} />, token valid <TimeLeft until={facts.expiresAt} over="no longer" />
            </span>
          )}
          <Button
            size="small"
            kind={facts === null || outdated ? "primary" : "plain"}
            needs="dryRun"
            where={props.project}
            pending={pending === "dry run"}
            disabledReason={missing}
            onClick={onLook}
          >
            {facts === null ? "Run" : "Run again"}
          </Button>
        </>
      }
    >
      {outdated ? (
        <p role="status" className="flex items-center gap-2 border-b border-line bg-warn-soft px-3 py-2">
          <Glyph shape="triangle" ink="warn" /> The form has changed since. Run it again to see what would happen.
        </p>
      ) : null}
      {facts === null ? (
        <p className="px-3 py-6 text-center text-muted">
          {pending === "dry run" ? "Looking…" : (missing ?? "Nothing was looked at yet.")}
        </p>
      ) : (
        <div className={outdated ? "opacity-55" : undefined}>
          <Numbers choices={choices} facts={facts} />
          <Sample facts={facts} />
          <Notes facts={facts} />
        </div>
      )}
      {failure === null ? null : (
        <div className="border-t border-line">
          <Failed error={failure} />
        </div>
      )}
      {facts === null ? null : <Start {...props} facts={facts} />}
    </Panel>
  );
}

const takesClaimed = ({ action, force }: Choices) =>
  action === "purge" || action === "release" || (action === "delete" && force);

function Numbers({ choices, facts }: { choices: Choices; facts: DryRunFacts }) {
  const acting = formatCount(actingOn(facts, takesClaimed(choices)), facts.count.exact ? "exact" : "at-least");
  const tiles = [
    { label: WORDS[choices.action].would, value: acting },
    { label: "claimed now", value: formatCount(facts.claimed) },
    { label: "oldest", value: facts.oldest === null ? "—" : <Moment at={facts.oldest} /> },
    { label: "newest", value: facts.newest === null ? "—" : <Moment at={facts.newest} /> },
  ];
  return (
    <dl className="grid grid-cols-2 border-b border-line sm:grid-cols-4">
      {tiles.map(({ label, value }) => (
        <div
          key={label}
          className="flex flex-col-reverse border-line px-3 py-2.5 not-first:border-l max-sm:nth-3:border-l-0"
        >
          <dt className="text-xs text-muted">{label}</dt>
          <dd className="text-[1.375rem] leading-[1.625rem] font-semibold tracking-tight">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Sample({ facts: { sample, queueCount } }: { facts: DryRunFacts }) {
  if (sample === null) return <p className="px-3 py-2 text-muted">The sample cannot be read now.</p>;
  if (sample.length === 0) return null;
  const dead = sample.some(({ deadLettered }) => deadLettered !== null);
  return (
    <table className="w-full table-fixed border-collapse">
      <caption className="sr-only">Sample</caption>
      <thead>
        <tr className="h-7 bg-canvas text-xs text-muted">
          <th scope="col" className="px-3 text-left font-normal">
            {sample.length > 3 ? "Sample: first 3 and last" : "Sample"}
          </th>
          {queueCount > 1 ? (
            <th scope="col" className="w-32 px-2 text-left font-normal">
              Queue
            </th>
          ) : null}
          <th scope="col" className="w-28 px-3 text-right font-normal">
            {dead ? "Dead since" : "Posted"}
          </th>
        </tr>
      </thead>
      <tbody>
        {sample.map(({ id, project, queueName, preview, createdAt, deadLettered }) => (
          <tr key={`${project} ${queueName} ${id}`} className="h-8 border-t border-line">
            <td className="truncate px-3 font-mono text-xs">
              <Link
                href={paths.queue(project, queueName, "messages", { message: id })}
                className="text-ink-2 underline-offset-2 hover:text-ink hover:underline"
              >
                {visible(preview)}
              </Link>
            </td>
            {queueCount > 1 ? <td className="truncate px-2 font-mono text-xs">{visible(queueName)}</td> : null}
            <td className="px-3 text-right text-ink-2">
              <Moment seconds at={deadLettered?.at ?? createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where messages go, which stay, and what to know before. */
function Notes({ facts }: { facts: DryRunFacts }) {
  const { destinations, queueCount, refused, warnings } = facts;
  const queues = facts.queues ?? [];
  const missing = destinations.filter(({ exists }) => !exists);
  return (
    <ul className="divide-y divide-line border-t border-line">
      {queueCount <= 1 ? null : (
        <li className="px-3 py-2">
          In {formatCount(queueCount)} queues:{" "}
          {queues.map(({ project, queueName, count }, index) => (
            <Fragment key={`${project} ${queueName}`}>
              {index === 0 ? "" : ", "}
              <NameLink href={paths.queue(project, queueName)}>{queueName}</NameLink>{" "}
              <span className="text-muted">{formatCount(count.value, count.exact ? "exact" : "at-least")}</span>
            </Fragment>
          ))}
          {queueCount > queues.length ? ` and ${formatCount(queueCount - queues.length)} more` : ""}.
        </li>
      )}
      {destinations.length === 0 ? null : (
        <li className="px-3 py-2">
          {destinations.slice(0, 5).map(({ project, queueName, count }, index) => (
            <Fragment key={`${project} ${queueName}`}>
              {index === 0 ? "" : ", "}
              {formatCount(count.value, count.exact ? "exact" : "at-least")} to{" "}
              <NameLink href={paths.queue(project, queueName)}>{queueName}</NameLink>
            </Fragment>
          ))}
          {destinations.length > 5 ? ` and ${formatCount(destinations.length - 5)} more queues` : ""}.
        </li>
      )}
      {missing.map(({ project, queueName }) => (
        <li key={`missing ${project} ${queueName}`} className="flex flex-wrap items-center gap-2 px-3 py-1.5">
          <Glyph shape="triangle" ink="warn" />
          <span className="min-w-0 flex-1 basis-40 wrap-anywhere">
            {visible(queueName)} does not exist, so these stay. Create it, and run again.
          </span>
          <ActionButton
            kind="plain"
            document={CREATE_QUEUE}
            variables={{ input: { project, queue: queueName } }}
            done={`Queue ${queueName} is created.`}
          >
            Create {queueName}
          </ActionButton>
        </li>
      ))}
      {refused.map(({ why, messages, project, queueName }) => (
        <li key={`${why} ${project} ${queueName}`} className="flex items-center gap-2 px-3 py-2">
          <Glyph shape="cross" ink="danger" />
          <span className="min-w-0 wrap-anywhere">
            {formatCount(messages)} would stay in {visible(queueName)}: {LEFT_WORDS[why]}.
          </span>
        </li>
      ))}
      {warnings.map((warning) => (
        <li key={warning} className="flex items-center gap-2 px-3 py-2">
          <Glyph shape="triangle" ink="warn" />
          <span className="min-w-0 wrap-anywhere">{visible(warning)}</span>
        </li>
      ))}
    </ul>
  );
}

function Start(props: Props & { facts: DryRunFacts }) {
  const { choices, facts, first, pending, onStart, onStartFirst } = props;
  const { label, danger } = WORDS[choices.action];
  const acting = actingOn(facts, takesClaimed(choices));
  const expired = Date.parse(facts.expiresAt) <= useNow();
  const off = whyNot(props, acting, expired);
  const count = formatCount(acting, facts.count.exact ? "exact" : "at-least");
  const needed = { needs: "startJob", where: props.project };
  return (
    <div className="flex flex-wrap items-center gap-2 border-t border-line px-3 py-2.5">
      <span className="mr-auto text-muted">
        {!danger
          ? "You can cancel at any time."
          : facts.undoable
            ? "It can be undone for a while."
            : "It cannot be undone."}
      </span>
      {first !== null && acting > first ? (
        <Button {...needed} pending={pending === "job"} disabledReason={off} onClick={onStartFirst}>
          {label} {first} first
        </Button>
      ) : null}
      <Button
        {...needed}
        kind={danger ? "danger" : props.outdated ? "plain" : "primary"}
        pending={pending === "job"}
        disabledReason={off}
        onClick={onStart}
      >
        {label} {count}
      </Button>
    </div>
  );
}

/** Null: it can start. */
function whyNot({ missing, outdated, started, reason }: Props, acting: number, expired: boolean): string | null {
  if (missing !== null) return missing;
  if (outdated) return "The form has changed since the dry run. Run it again.";
  if (started) return "Its job was started. Run it again to see what is there now.";
  if (expired) return "The dry run is older than ten minutes. Run it again.";
  if (acting === 0) return "No message matches.";
  return reason.trim() === "" ? "Give a reason: it is shown in the job and in Audit." : null;
}
