"use client";

import { useRouter } from "next/navigation";
import { type ReactElement, type ReactNode, useCallback, useState } from "react";
import { API_PATH, ApiError, callApi } from "./api.ts";
import { Button, type ButtonKind } from "./ui/button.tsx";
import { Confirm } from "./ui/confirm.tsx";
import { useRefresh } from "./ui/refresh.tsx";
import { ShowGraphql } from "./ui/show-graphql.tsx";
import { toastDone, toastFailed } from "./ui/toast.tsx";

interface Action {
  pending: boolean;
  /** True when it was done. A failure, which `done` may throw too, is shown as a toast, with what the server says. */
  run: <Data>(
    document: string,
    variables: Record<string, unknown>,
    done: ActionProps<Data>["done"],
  ) => Promise<boolean>;
}

/** Changes something over the API, says so, and loads the page's data anew. */
function useAction(options: { goTo?: string } = {}): Action {
  const router = useRouter();
  const { refresh } = useRefresh();
  const { goTo } = options;
  const [pending, setPending] = useState(false);
  const run: Action["run"] = useCallback(
    async (document, variables, done) => {
      setPending(true);
      try {
        const data = await callApi<never>(document, variables);
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

interface ActionProps<Data> {
  document: string;
  variables: Record<string, unknown>;
  /**
   * The toast's text, or what makes it of the answer; it throws an ApiError when the answer says that nothing was done.
   */
  done: string | ((data: Data) => string);
  /** Where to go afterwards, when the page's subject is gone. */
  goTo?: string;
}

/** One click does it: for what can be done again or undone. */
export function ActionButton<Data>({
  document,
  variables,
  done,
  goTo,
  kind,
  label,
  disabledReason,
  children,
}: ActionProps<Data> & { kind?: ButtonKind; label?: string; disabledReason?: string | null; children: ReactNode }) {
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
export function ConfirmedAction<Data>({
  document,
  variables,
  done,
  goTo,
  trigger,
  title,
  consequence,
  confirmLabel,
  typeName,
}: ActionProps<Data> & {
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
      extra={<ShowGraphql document={document} variables={variables} endpoint={API_PATH} />}
    />
  );
}
