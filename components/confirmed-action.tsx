"use client";

import { useState } from "react";
import { ShowRequest } from "./show-request.tsx";
import { Confirm } from "./ui/confirm.tsx";
import { type ActionProps, type Question, useAction } from "./use-action.ts";

/** The question of a <ConfirmedAction>, which loads it. */
export default function AskFirst<Data, Variables extends { input: object }>({
  document,
  variables,
  done,
  goTo,
  ...question
}: ActionProps<Data, Variables> & Question) {
  const { run } = useAction({ goTo });
  const [reason, setReason] = useState("");
  const because =
    reason.trim() === "" ? variables : { ...variables, input: { ...variables.input, reason: reason.trim() } };
  return (
    <Confirm
      {...question}
      onConfirm={() => run(document, because, done)}
      extra={<ShowRequest document={document} variables={because} />}
      reason={reason}
      onReason={setReason}
    />
  );
}
