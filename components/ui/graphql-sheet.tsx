"use client";

import { X } from "lucide-react";
import { CopyButton } from "./copy-button.tsx";
import { curlCommand } from "./curl.ts";
import { Modal } from "./modal.tsx";
import { useOpened } from "./opener.tsx";
import { ScrollRegion } from "./scroll-region.tsx";

/** A document, its variables, and a cURL line that sends the same. */
export default function GraphqlSheet({
  document,
  variables,
  endpoint,
}: {
  document: string;
  variables: object;
  endpoint: string;
}) {
  const { open, setOpen } = useOpened();
  if (!open) return null;
  const query = unindent(document);
  const url = new URL(endpoint, window.location.href).href;
  const parts = [
    { title: "Document", text: query },
    { title: "Variables", text: JSON.stringify(variables, null, 2) },
    { title: "cURL", text: curlCommand(url, query, variables) },
  ];
  return (
    <Modal label="The same in GraphQL" onClose={() => setOpen(false)}>
      {(close) => (
        <div className="flex max-h-[80dvh] flex-col">
          <div className="flex items-center justify-between border-b border-line px-4 py-2">
            <h2 className="font-semibold">The same in GraphQL</h2>
            <button
              type="button"
              aria-label="Close"
              onClick={close}
              className="rounded p-1 text-muted hover:bg-raised hover:text-ink"
            >
              <X aria-hidden className="size-4" />
            </button>
          </div>
          <div className="flex flex-col gap-3 overflow-auto p-4">
            {parts.map((part) => (
              <div key={part.title}>
                <div className="flex items-center justify-between">
                  <h3 className="text-xs text-muted">{part.title}</h3>
                  <CopyButton text={part.text} label={`Copy ${part.title}`} />
                </div>
                <ScrollRegion label={part.title} className="max-h-48 rounded bg-sunken p-2">
                  <pre className="font-mono text-xs whitespace-pre-wrap wrap-anywhere">{part.text}</pre>
                </ScrollRegion>
              </div>
            ))}
          </div>
        </div>
      )}
    </Modal>
  );
}

/** Removes the indentation that all lines share. */
function unindent(text: string): string {
  const lines = text.replace(/^\s*\n|\s+$/g, "").split("\n");
  const margins = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const margin = Math.min(...margins);
  return lines.map((line) => line.slice(margin)).join("\n");
}
