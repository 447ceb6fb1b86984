"use client";

import type { ComponentType } from "react";
import { paths } from "../paths.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { Link } from "../ui/link.tsx";
import { Facts } from "../ui/page.tsx";
import { NotFoundState } from "../ui/states.tsx";
import { Ago, Instant, TimeLeft } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { MessageDetail, OpenMessage } from "./fragments.ts";
import { MessageLife } from "./message-life.tsx";
import { MessageState } from "./message-state.tsx";

interface SectionProps {
  project: string;
  queue: string;
  message: MessageDetail;
}

/** What is shown of a message that is there, from top to bottom, above its life. */
const SECTIONS: ComponentType<SectionProps>[] = [MessageFacts, MessageBody, MessageHeaders];

/** All that is known of the open message. */
export function MessageSections({ project, queue, message, life }: OpenMessage) {
  if (message === null) {
    return (
      <>
        <NotFoundState title="This message is not in the queue">
          It was deleted, it expired, or it never existed.
        </NotFoundState>
        <MessageLife project={project} queue={queue} life={life} />
      </>
    );
  }
  return (
    <>
      {SECTIONS.map((Section) => (
        <Section key={Section.name} project={project} queue={queue} message={message} />
      ))}
      <MessageLife project={project} queue={queue} life={life} state={<MessageState message={message} />} />
    </>
  );
}

function MessageBody({ message }: SectionProps) {
  if (message.bodyVisibility === "HIDDEN") {
    return (
      <section aria-label="Body" className="rounded border border-line bg-raised px-3 py-2 text-muted">
        Its body and headers are hidden from you, by the rule of the project. An admin can change that.
      </section>
    );
  }
  return (
    <>
      {message.bodyVisibility === "FULL" ? null : (
        <p className="mb-1 text-muted">
          What is masked for you is <code className="font-mono text-xs">***</code>: some values of the body, and those
          of headers. The rest is as it was posted.
        </p>
      )}
      <JsonViewer key={message.id} text={message.bodyText} label="Body" />
    </>
  );
}

function MessageHeaders({ message: { headers } }: SectionProps) {
  if (headers.length === 0) return null;
  return (
    <section aria-label="Headers">
      <h3 className="mb-2 font-semibold">Headers</h3>
      <Facts items={headers.map(({ name, value }) => ({ label: name, value }))} />
    </section>
  );
}

/** Where a dead letter came from, and who had it last. */
function DeadLetterOrigin({ project, from }: { project: string; from: NonNullable<MessageDetail["deadLettered"]> }) {
  const deliveries = from.deliveries === 1 ? "1 delivery" : `${from.deliveries} deliveries`;
  return (
    <>
      From{" "}
      <Link
        href={paths.queue(project, from.queueName, "messages")}
        className="text-accent underline underline-offset-2"
      >
        {visible(from.queueName)}
      </Link>
      , <Ago at={from.at} />, after {deliveries}.{" "}
      {from.clientId === null ? "Who had it last is not known" : <>The last was to {visible(from.clientId)}</>}
      {from.claimId === null ? (
        "."
      ) : (
        <>
          , in claim <span className="font-mono text-xs">{from.claimId}</span>.
        </>
      )}
    </>
  );
}

function MessageFacts({ project, queue, message }: SectionProps) {
  return (
    <Facts
      items={[
        { label: "State", value: <MessageState message={message} /> },
        ...(message.claim
          ? [
              {
                label: "Claim",
                value: (
                  <Link
                    href={paths.queue(project, queue, "claims", { claim: message.claim.id })}
                    className="font-mono text-xs text-accent underline underline-offset-2"
                  >
                    {message.claim.id}
                  </Link>
                ),
              },
            ]
          : []),
        {
          label: "Posted",
          value: (
            <>
              <Instant at={message.createdAt} /> (<Ago at={message.createdAt} />)
            </>
          ),
        },
        {
          label: "Expires",
          value: (
            <>
              <Instant at={message.expiresAt} /> (<TimeLeft until={message.expiresAt} />)
            </>
          ),
        },
        { label: "Lifetime", value: `${message.ttlSeconds} s` },
        { label: "Deliveries", value: message.claimCount },
        ...(message.deadLettered
          ? [{ label: "Dead letter", value: <DeadLetterOrigin project={project} from={message.deadLettered} /> }]
          : []),
        { label: "Client", value: message.clientId ?? <span className="text-muted">not reported</span> },
        {
          label: "Marker",
          value: <span className="font-mono text-xs">{message.marker}</span>,
        },
        {
          label: "Id",
          value: (
            <span className="flex items-center gap-1">
              <span className="min-w-0 font-mono text-xs">{message.id}</span>
              <CopyButton text={message.id} label="Copy the id" />
            </span>
          ),
        },
      ]}
    />
  );
}
