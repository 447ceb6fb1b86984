"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useCallback, useState } from "react";
import { ApiError, callFields, type Done } from "./api.ts";
import type { Document } from "./graphql.ts";
import { useRefresh } from "./ui/refresh.tsx";
import { toastDone, toastFailed } from "./ui/toast.ts";
import { offerOf } from "./undo/offer.ts";

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
export function useAction(options: { goTo?: string } = {}): Action {
  const router = useRouter();
  const { refresh } = useRefresh();
  const { goTo } = options;
  const [pending, setPending] = useState(false);
  const run: Action["run"] = useCallback(
    async (document, variables, done) => {
      setPending(true);
      try {
        const data = await callFields(document, variables);
        toastDone(typeof done === "string" ? done : done(data), offerOf(data, refresh));
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

export interface ActionProps<Data, Variables> {
  document: Document<Data, Variables>;
  variables: Variables;
  /** The toast's text. A function throws an ApiError when the answer says that nothing was done. */
  done: string | ((data: Done<Data>) => string);
  /** Where to go afterwards, when what the page shows no longer exists. */
  goTo?: string;
}

/** What the question says. */
export interface Question {
  title: string;
  consequence: ReactNode;
  confirmLabel: string;
  typeName?: string;
}
