"use client";

import { useRouter } from "next/navigation";
import { type ReactElement, type ReactNode, useCallback, useState } from "react";
import { API_PATH, ApiError, callFields, type Done } from "./api.ts";
import { type Document, textOf } from "./graphql.ts";
import { Button, type ButtonKind } from "./ui/button.tsx";
import { Confirm } from "./ui/confirm.tsx";
import { useRefresh } from "./ui/refresh.tsx";
import { ShowGraphql } from "./ui/show-graphql.tsx";
import { toastDone, toastFailed } from "./ui/toast.tsx";

interface Action {
  pending: boolean;
  /** Sends the mutation. False: it failed, or `done` threw; a toast says why. */
  run: <Data, Variables extends object>(
    document: Document<Data, Variables>,
    variables: Variables,
    done: ActionProps<Data, Variables>["done"],
  ) => Promise<boolean>;
}

/** Sends a mutation, reports the result as a toast, and refreshes the page. */
function useAction(options: { goTo?: string } = {}): Action {
  const router = useRouter();
  const { refresh } = useRefresh();
  const { goTo } = options;
  const [pending, setPending] = useState(false);
  const run: Action["run"] = useCallback(
    async (document, variables, done) => {
      setPending(true);
      try {
        const data = await callFields(document, variables);
        toastDone(typeof done === "string" ? done : done(data));
        if (goTo) router.push(goTo);
        refresh();
        return true;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        toastFailed(error.message, error.code);
        return false;
      } finally {
        setPending(false);
      }
    },
    [router, refresh, goTo],
  );
  return { pending, run };
}

interface ActionProps<Data, Variables> {
  document: Document<Data, Variables>;
  variables: Variables;
  /** The toast's text. A function throws an ApiError when the answer says that nothing was done. */
  done: string | ((data: Done<Data>) => string);
  /** Where to go afterwards, when what the page shows no longer exists. */
  goTo?: string;
}

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
  document,
  variables,
  done,
  goTo,
  trigger,
  title,
  consequence,
  confirmLabel,
  typeName,
}: ActionProps<Data, Variables> & {
  trigger: ReactElement;
  title: string;
  consequence: ReactNode;
  confirmLabel: string;
  typeName?: string;
}) {
  const { run } = useAction({ goTo });
  return (
    <Confirm
      trigger={trigger}
      title={title}
      consequence={consequence}
      confirmLabel={confirmLabel}
      typeName={typeName}
      onConfirm={() => run(document, variables, done)}
      extra={<ShowGraphql document={textOf(document)} variables={{ ...variables }} endpoint={API_PATH} />}
    />
  );
}
