"use client";

import { API_PATH } from "./api.ts";
import { textOf } from "./graphql.ts";
import { Confirm } from "./ui/confirm.tsx";
import { ShowGraphql } from "./ui/show-graphql.tsx";
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
      extra={<ShowGraphql document={textOf(document)} variables={variables} endpoint={API_PATH} />}
    />
  );
}
