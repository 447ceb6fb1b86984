"use client";

import { cloneElement, type ReactElement, type ReactNode, useRef } from "react";
import { API_PATH } from "./api.ts";
import { textOf } from "./graphql.ts";
import { Button, type ButtonKind, type ButtonProps } from "./ui/button.tsx";
import { type LoadPart, Opener } from "./ui/opener.tsx";
import { useRefusal } from "./ui/refusals.ts";
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
  disabledReason: ownReason,
  where = projectOf(variables),
  children,
}: ActionProps<Data, Variables> & {
  kind?: ButtonKind;
  label?: string;
  disabledReason?: string | null;
  /** The project, if the variables do not say it: see ui/refusals.ts. */
  where?: string | null;
  children: ReactNode;
}) {
  const { pending, run } = useAction({ goTo });
  const disabledReason = useRefusal(mutationOf(textOf(document)), where) ?? ownReason;
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
}: ActionProps<Data, Variables> & Question & { trigger: ReactElement<ButtonProps> }) {
  const { document, variables } = asked;
  return (
    <Opener
      trigger={cloneElement(trigger, { needs: mutationOf(textOf(document)), where: projectOf(variables) })}
      load={loadQuestion}
      // The question does not look into the data and the variables that it passes on.
      props={asked as ActionProps<unknown, { input: object }> & Question}
    />
  );
}

/** The field of a document with one mutation. */
const mutationOf = (document: string) => /\{\s*(\w+)/.exec(document)?.[1];

const projectOf = (variables: { input?: { project?: string } }) => variables.input?.project;

const loadQuestion: LoadPart<ActionProps<unknown, { input: object }> & Question> = () =>
  import("./confirmed-action.tsx");
