"use client";

import { useState } from "react";
import { ActionButton } from "../action.tsx";
import { formatCount } from "../ui/format.ts";
import { Notice } from "../ui/notice.tsx";
import { SecondsLeft } from "../ui/seconds-left.tsx";
import { useNow } from "../ui/time.tsx";
import { TAKE_BACK } from "./documents.ts";
import type { OpenUndoFacts } from "./fragments.ts";
import { takenBack } from "./take-back.ts";

const WHAT: Readonly<Record<OpenUndoFacts["action"], string>> = {
  PURGE_QUEUE: "purged",
  DELETE_QUEUE: "deleted",
  DELETE_MESSAGES: "deleted",
  DELETE_MESSAGE: "deleted",
};

/** Stands above a queue or a job, or in a queue's place, while something of it can be taken back. */
export default function OpenUndo({ undo }: { undo: OpenUndoFacts }) {
  const now = useNow();
  const [used, setUsed] = useState(false);
  if (used || now >= new Date(undo.until).getTime()) return null;
  const done = (data: Parameters<typeof takenBack>[0]) => {
    setUsed(true);
    return takenBack(data);
  };
  return (
    <Notice
      shape="clock"
      ink="warn"
      label={`Undo in ${undo.queueName}`}
      action={
        <ActionButton
          kind="primary"
          document={TAKE_BACK}
          variables={{ input: { token: undo.token } }}
          where={undo.project}
          done={done}
        >
          Undo
        </ActionButton>
      }
    >
      <b className="font-semibold">{whatWasDone(undo)}</b> <span className="text-muted">By {undo.actor}. </span>
      <SecondsLeft until={undo.until} />
    </Notice>
  );
}

function whatWasDone({ action, queueName, messages }: OpenUndoFacts): string {
  if (action === "DELETE_QUEUE") return `Queue ${queueName} was deleted.`;
  if (messages === null) return `Messages of ${queueName} were ${WHAT[action]}.`;
  const are =
    messages === 1 ? `1 message of ${queueName} was` : `${formatCount(messages)} messages of ${queueName} were`;
  return `${are} ${WHAT[action]}.`;
}
