"use client";

import { Trash2 } from "lucide-react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { Button } from "../ui/button.tsx";
import { DELETE_STORE } from "./documents.ts";

export function DeleteStore({ store }: { store: string }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <p className="max-w-prose">Delete the store with its values and locks.</p>
      <ConfirmedAction
        document={DELETE_STORE}
        variables={{ input: { store, discardValues: true } }}
        done={`Store ${store} is deleted.`}
        goTo={paths.keys()}
        trigger={
          <Button kind="danger">
            <Trash2 aria-hidden />
            Delete store
          </Button>
        }
        title={`Delete store ${store}?`}
        consequence="Every program that uses this store loses its values and locks at once."
        confirmLabel="Delete store"
        typeName={store}
      />
    </div>
  );
}
