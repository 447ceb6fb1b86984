"use client";

import { ChevronDown, ChevronUp, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { actHref } from "../acting/choices.ts";
import { ConfirmedAction } from "../action.tsx";
import { Button, LinkButton } from "../ui/button.tsx";
import { isTyping } from "../ui/keyboard.tsx";
import { DELETE_MESSAGE } from "./documents.ts";
import type { MessageDetail, OpenMessage, Steps } from "./fragments.ts";
import { messageCan } from "./message-can.ts";
import { PostAgain } from "./post-again.tsx";

/** Seconds; null when it has no delay, or its delay is over. */
function delayOf({ createdAt, delayedUntil }: MessageDetail): number | null {
  return delayedUntil === null ? null : Math.round((Date.parse(delayedUntil) - Date.parse(createdAt)) / 1000);
}

/** What can be done with an open message. */
export function MessageActions({
  project,
  queue,
  message,
  closeHref,
}: Pick<OpenMessage, "project" | "queue" | "closeHref"> & { message: MessageDetail }) {
  return (
    <>
      {message.deadLettered === null || message.deadLettered.queueName === queue ? null : (
        <LinkButton
          href={actHref(
            { kind: "queue", project, name: queue },
            { action: "redrive", which: "ids", ids: [message.id] },
          )}
          needs="startJob"
          where={project}
        >
          Redrive…
        </LinkButton>
      )}
      <PostAgain
        project={project}
        queue={queue}
        again={{ ...message, delaySeconds: delayOf(message) }}
        sees={message.bodyVisibility}
      />
      <ConfirmedAction
        document={DELETE_MESSAGE}
        variables={{ input: { project, queue, id: message.id } }}
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
  );
}

/** Leads to the messages beside the open one. The keys j and k do so too, unless something lies over the message. */
export function StepButtons({ previous, next, inDialog = false }: Steps & { inDialog?: boolean }) {
  const router = useRouter();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key !== "j" && event.key !== "k") return;
      const above = document.querySelectorAll("dialog:modal, [role=dialog], [role=alertdialog]");
      if (above.length > (inDialog ? 1 : 0)) return;
      // The page's own keys would move the focus through the rows.
      event.preventDefault();
      const href = event.key === "j" ? next : previous;
      if (href !== null) router.replace(href, { scroll: false });
    };
    // Before the page's own keys.
    document.addEventListener("keydown", press, { capture: true });
    return () => document.removeEventListener("keydown", press, { capture: true });
  }, [router, previous, next, inDialog]);
  const go = (href: string | null) => href !== null && router.replace(href, { scroll: false });
  return (
    <>
      <Button
        kind="ghost"
        size="small"
        aria-keyshortcuts="k"
        disabledReason={previous === null ? "No message of this list comes before." : null}
        onClick={() => go(previous)}
      >
        <ChevronUp aria-hidden />
        Previous
      </Button>
      <Button
        kind="ghost"
        size="small"
        aria-keyshortcuts="j"
        disabledReason={next === null ? "No message of this list follows." : null}
        onClick={() => go(next)}
      >
        <ChevronDown aria-hidden />
        Next
      </Button>
    </>
  );
}
