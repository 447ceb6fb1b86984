"use client";

import { Trash2 } from "lucide-react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { AddressDialog } from "../ui/dialog.tsx";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { Link } from "../ui/link.tsx";
import { Facts } from "../ui/page.tsx";
import { NotFoundState } from "../ui/states.tsx";
import { Ago, Instant, TimeLeft } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { DELETE_MESSAGE } from "./documents.ts";
import type { MessageDetail, OpenMessage } from "./fragments.ts";
import { messageCan } from "./message-can.ts";
import { MessageLife } from "./message-life.tsx";
import { MessageState } from "./message-state.tsx";
import { PostMessage } from "./post-message.tsx";

/** Seconds; null when it has no delay, or its delay is over. */
function delayOf({ createdAt, delayedUntil }: MessageDetail): number | null {
  return delayedUntil === null ? null : Math.round((Date.parse(delayedUntil) - Date.parse(createdAt)) / 1000);
}

/** One message. `message` null: it does not exist. */
export default function MessageDialogContent({ project, queue, id, message, life, closeHref }: OpenMessage) {
  return (
    <AddressDialog
      closeHref={closeHref}
      title={`Message ${id}`}
      wide
      footer={
        message ? (
          <>
            <PostMessage project={project} queue={queue} again={{ ...message, delaySeconds: delayOf(message) }} />
            <ConfirmedAction
              document={DELETE_MESSAGE}
              variables={{ input: { project, queue, id } }}
              done="The message is deleted."
              goTo={closeHref}
              trigger={
                <Button kind="danger" disabledReason={messageCan.delete(message)}>
                  <Trash2 aria-hidden />
                  Delete
                </Button>
              }
              title="Delete this message?"
              consequence="Nobody will receive it. This cannot be undone."
              confirmLabel="Delete message"
            />
          </>
        ) : null
      }
    >
      {message ? (
        <>
          <MessageFacts project={project} queue={queue} message={message} />
          {message.headers.length > 0 ? (
            <section aria-label="Headers" className="mt-4">
              <h3 className="mb-2 font-medium">Headers</h3>
              <Facts items={message.headers.map(({ name, value }) => ({ label: name, value }))} />
            </section>
          ) : null}
          <JsonViewer text={message.bodyText} label="Body" />
          <MessageLife project={project} queue={queue} life={life} state={<MessageState message={message} />} />
        </>
      ) : (
        <>
          <NotFoundState title="This message is not in the queue">
            It was deleted, it expired, or it never existed.
          </NotFoundState>
          <MessageLife project={project} queue={queue} life={life} />
        </>
      )}
    </AddressDialog>
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

function MessageFacts({ project, queue, message }: { project: string; queue: string; message: MessageDetail }) {
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
