"use client";

import { useEffect, useState } from "react";
import { ApiError, callApi } from "../api.ts";
import { ShowRequest } from "../show-request.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { useOpened } from "../ui/opener.tsx";
import { KEY_VALUE } from "./documents.ts";

/** The value of a key, loaded when it is opened: a list of keys loads none. */
export default function KeyValueDialog({ store, name }: { store: string; name: string }) {
  const { open, setOpen } = useOpened();
  return (
    <Dialog open={open} onOpenChange={setOpen} title={name} description={`Its value in store ${store}.`} wide>
      <Value store={store} name={name} />
      <div>
        <ShowRequest document={KEY_VALUE} variables={{ store, key: name }} />
      </div>
    </Dialog>
  );
}

function Value({ store, name }: { store: string; name: string }) {
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let over = false;
    const ask = async () => {
      try {
        const { keyValue } = await callApi(KEY_VALUE, { store, key: name });
        if (over) return;
        if (keyValue === null) setProblem("The key no longer exists.");
        else setText(keyValue.valueText);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!over) setProblem(error.message);
      }
    };
    void ask();
    return () => {
      over = true;
    };
  }, [store, name]);
  return (
    <div aria-live="polite">
      {text !== null ? (
        <JsonViewer text={text} label={`Value of ${name}`} />
      ) : (
        <p className={problem === null ? "text-muted" : "text-danger"}>{problem ?? "Loading…"}</p>
      )}
    </div>
  );
}
