"use client";

import { type ComponentProps, type ReactElement, type ReactNode, useRef } from "react";
import { API_PATH } from "./api.ts";
import { textOf } from "./graphql.ts";
import { Button, type ButtonKind } from "./ui/button.tsx";
import { type LoadPart, Opener } from "./ui/opener.tsx";
import { loadSheet } from "./ui/show-graphql.tsx";
import { useShownRequest } from "./ui/shown-requests.ts";
import { type ActionProps, type Question, useAction } from "./use-action.ts";

/**
 * Acts at one click: for what can be repeated or undone. The page's sheet has the GraphQL that it would send, and a
 * click with Shift shows it.
 */
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
  const text = useRef<HTMLSpanElement>(null);
  // What a narrow or a wide screen hides has no name.
  const name = () => {
    const button = text.current?.closest("button");
    return button?.checkVisibility() ? (label ?? button.textContent) : "";
  };
  const request = { name, document: textOf(document), calls: [variables] };
  useShownRequest(disabledReason ? null : request);
  return (
    <Opener
      byShift
      load={loadSheet}
      props={{ request, endpoint: API_PATH }}
      trigger={
        <Button
          kind={kind ?? "ghost"}
          size="small"
          label={label}
          pending={pending}
          disabledReason={disabledReason}
          onClick={() => void run(document, variables, done)}
        >
          <span ref={text} className="contents">
            {children}
          </span>
        </Button>
      }
    />
  );
}

/** Asks first, in a dialog that takes a reason and also shows the GraphQL that it would send. */
export function ConfirmedAction<Data, Variables extends { input: object }>({
  trigger,
  ...asked
}: ActionProps<Data, Variables> & Question & { trigger: ReactElement<ComponentProps<"button">> }) {
  // The question does not look into the data and the variables that it passes on.
  return (
    <Opener trigger={trigger} load={loadQuestion} props={asked as ActionProps<unknown, { input: object }> & Question} />
  );
}

const loadQuestion: LoadPart<ActionProps<unknown, { input: object }> & Question> = () =>
  import("./confirmed-action.tsx");
