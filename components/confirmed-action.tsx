"use client";

import { ShowRequest } from "./show-request.tsx";
import { Confirm } from "./ui/confirm.tsx";
import { type ActionProps, type Question, useAction } from "./use-action.ts";

/** The question of a <ConfirmedAction>, which loads it. */
export default function AskFirst({
  document,
  variables,
  done,
  goTo,
  ...question
}: ActionProps<unknown, object> & Question) {
  const { run } = useAction({ goTo });
  return (
    <Confirm
      {...question}
      onConfirm={() => run(document, variables, done)}
      extra={<ShowRequest document={document} variables={variables} />}
    />
  );
}
