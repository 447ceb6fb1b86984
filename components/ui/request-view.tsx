"use client";

import { CopyButton } from "./copy-button.tsx";
import { curlCommand, printableJson } from "./curl.ts";
import { simplified } from "./graphql-text.ts";
import { ScrollRegion } from "./scroll-region.tsx";
import type { ShownRequest } from "./shown-requests.ts";

export interface ViewProps {
  request: Pick<ShownRequest, "document" | "calls">;
  /** Path of the API; the host is that of the page. */
  endpoint: string;
}

/** A document, its variables, and the cURL lines that send it. It has a parser, so it is loaded when it is needed. */
export default function RequestView({ request: { document, calls }, endpoint }: ViewProps) {
  const url = new URL(endpoint, window.location.href).href;
  const asked = calls.map((variables) => simplified({ document, variables }));
  const [first] = asked;
  const token = window.document.documentElement.dataset.auth === "accounts";
  const lines = asked.map((call) => curlCommand(url, call.document, call.variables, { token }));
  return (
    <div className="flex flex-col gap-3">
      <Part title="Document" text={first?.document ?? simplified({ document, variables: {} }).document} />
      {first === undefined ? (
        <p className="text-muted">The variables and the cURL line show here once the form is complete.</p>
      ) : (
        <>
          <Part
            title={lines.length === 1 ? "Variables" : `Variables of the first of ${lines.length} calls`}
            text={printableJson(first.variables, 2)}
          />
          <Part title={lines.length === 1 ? "cURL" : `cURL, ${lines.length} lines`} text={lines.join("\n")} />
        </>
      )}
    </div>
  );
}

function Part({ title, text }: { title: string; text: string }) {
  return (
    <div>
      <div className="flex items-center justify-between">
        <h3 className="text-xs text-muted">{title}</h3>
        <CopyButton text={text} label={`Copy ${title}`} />
      </div>
      <ScrollRegion label={title} className="max-h-48 rounded bg-sunken p-2">
        <pre className="font-mono text-xs whitespace-pre-wrap wrap-anywhere">{text}</pre>
      </ScrollRegion>
    </div>
  );
}
