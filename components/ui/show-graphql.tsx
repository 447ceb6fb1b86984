"use client";

import { Popover } from "@base-ui/react/popover";
import { Braces, X } from "lucide-react";
import { useState } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { curlCommand } from "./curl.ts";
import { ScrollRegion } from "./scroll-region.tsx";

/** What a page or button sends to the API: the document, its variables, and a cURL line that sends the same. */
export function ShowGraphql({
  document,
  variables = {},
  endpoint,
}: {
  document: string;
  variables?: object;
  /** Path of the API; the host is that of the page. */
  endpoint: string;
}) {
  const [open, setOpen] = useState(false);
  const url = typeof window === "undefined" ? endpoint : new URL(endpoint, window.location.href).href;
  const query = unindent(document);
  const variablesText = JSON.stringify(variables, null, 2);
  const parts = [
    { title: "Document", text: query },
    { title: "Variables", text: variablesText },
    { title: "cURL", text: curlCommand(url, query, variables) },
  ];
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
        render={
          <Button kind="ghost" size="small">
            <Braces aria-hidden />
            GraphQL
          </Button>
        }
      />
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="z-50">
          <Popover.Popup className="flex max-h-[min(36rem,80dvh)] w-[min(36rem,calc(100vw-1.5rem))] flex-col rounded-lg border border-line bg-surface text-ink shadow-xl outline-none">
            <div className="flex items-center justify-between border-b border-line px-4 py-2">
              <Popover.Title className="font-semibold">The same in GraphQL</Popover.Title>
              <Popover.Close aria-label="Close" className="rounded-md p-1 text-muted hover:bg-hover hover:text-ink">
                <X aria-hidden className="size-4" />
              </Popover.Close>
            </div>
            <div className="flex flex-col gap-3 overflow-auto p-4">
              {parts.map((part) => (
                <div key={part.title}>
                  <div className="flex items-center justify-between">
                    <h3 className="text-[0.8125rem] text-muted">{part.title}</h3>
                    <CopyButton text={part.text} label={`Copy ${part.title}`} />
                  </div>
                  <ScrollRegion label={part.title} className="max-h-48 rounded-md bg-sunken p-2">
                    <pre className="font-mono text-xs whitespace-pre-wrap wrap-anywhere">{part.text}</pre>
                  </ScrollRegion>
                </div>
              ))}
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** Removes the indentation that all lines share. */
function unindent(text: string): string {
  const lines = text.replace(/^\s*\n|\s+$/g, "").split("\n");
  const margins = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const margin = Math.min(...margins);
  return lines.map((line) => line.slice(margin)).join("\n");
}
