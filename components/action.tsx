"use client";

import type { ComponentProps, ReactElement, ReactNode } from "react";
import { Button, type ButtonKind } from "./ui/button.tsx";
import { type LoadPart, Opener } from "./ui/opener.tsx";
import { type ActionProps, type Question, useAction } from "./use-action.ts";

/** Acts at one click: for what can be repeated or undone. */
export function ActionButton<Data, Variables extends object>({
  document,
  variables,
  done,
  goTo,
  kind,
  label,
  disabledReason,
  children,
}: ActionProps<Data, Variables> & {
  kind?: ButtonKind;
  label?: string;
  disabledReason?: string | null;
  children: ReactNode;
}) {
  const { pending, run } = useAction({ goTo });
  return (
    <Button
      kind={kind ?? "ghost"}
      size="small"
      label={label}
      pending={pending}
      disabledReason={disabledReason}
      onClick={() => void run(document, variables, done)}
    >
      {children}
    </Button>
  );
}

/** Asks first, in a dialog that also shows the GraphQL that it would send. */
export function ConfirmedAction<Data, Variables extends object>({
  trigger,
  ...asked
}: ActionProps<Data, Variables> & Question & { trigger: ReactElement<ComponentProps<"button">> }) {
  // The question does not look into the data and the variables that it passes on.
  return <Opener trigger={trigger} load={loadQuestion} props={asked as ActionProps<unknown, object> & Question} />;
}

const loadQuestion: LoadPart<ActionProps<unknown, object> & Question> = () => import("./confirmed-action.tsx");
