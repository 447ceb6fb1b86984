"use client";

import { createClient } from "graphql-sse";
import { type ComponentProps, type ComponentType, useEffect, useState } from "react";
import { API_PATH } from "./api.ts";
import { Skeleton } from "./ui/states.tsx";
import { useShownTheme } from "./ui/theme.ts";
import "graphiql/style.css";
import "./explorer.css";

type GraphiqlProps = ComponentProps<typeof import("graphiql").GraphiQL>;
type Fetcher = GraphiqlProps["fetcher"];

const FIRST_QUERY = `# The dashboard asks this API too.
# Ctrl-Enter runs the query.
{
  projects(first: 10) {
    nodes {
      name
    }
  }
}
`;

/** Queries and mutations by POST; subscriptions as server-sent events from the same address. */
function makeFetcher(): Fetcher {
  const events = createClient({ url: new URL(API_PATH, window.location.href).href });
  return (parameters, options) => {
    const watches = options?.documentAST?.definitions.some(
      (definition) =>
        definition.kind === "OperationDefinition" &&
        definition.operation === "subscription" &&
        (!parameters.operationName || definition.name?.value === parameters.operationName),
    );
    if (watches) {
      return events.iterate({
        query: parameters.query,
        variables: parameters.variables ?? {},
        operationName: parameters.operationName ?? undefined,
      }) as ReturnType<Fetcher>;
    }
    return fetch(API_PATH, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        ...options?.headers,
      },
      body: JSON.stringify(parameters),
    }).then((response) => response.json());
  };
}

/**
 * The editor creates style elements while it runs. The content security policy allows them only with the page's nonce.
 * This gives it to each style element that a script creates; the returned function stops that.
 */
function giveStylesNonce(nonce: string): () => void {
  const original = document.createElement;
  document.createElement = function createElement(this: Document, name: string, options?: ElementCreationOptions) {
    const element = original.call(this, name, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  } as typeof document.createElement;
  return () => {
    document.createElement = original;
  };
}

/** The nonce of the document, which stays the same until the page is reloaded. */
function documentNonce(): string | undefined {
  return document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce;
}

/** GraphiQL, bundled with the pages: nothing is loaded from other hosts. */
export function Explorer() {
  const theme = useShownTheme();
  const [loaded, setLoaded] = useState<{ Graphiql: ComponentType<GraphiqlProps>; fetcher: Fetcher } | null>(null);

  useEffect(() => {
    const nonce = documentNonce();
    const undo = nonce ? giveStylesNonce(nonce) : undefined;
    let gone = false;
    void (async () => {
      // An effect runs in browsers only. This line tells it to the build, which would make an editor for the server too.
      if (typeof window === "undefined") return;
      // In this order: the editor needs its workers when it loads.
      await import("./explorer-workers.ts");
      const { GraphiQL } = await import("graphiql");
      if (!gone) setLoaded({ Graphiql: GraphiQL, fetcher: makeFetcher() });
    })();
    return () => {
      gone = true;
      undo?.();
    };
  }, []);

  return (
    <div className="h-[calc(100dvh-11rem)] min-h-96 overflow-hidden rounded border border-line bg-surface">
      {loaded ? (
        <loaded.Graphiql
          fetcher={loaded.fetcher}
          defaultQuery={FIRST_QUERY}
          forcedTheme={theme}
          shouldPersistHeaders={false}
        />
      ) : (
        <div role="status" aria-label="Loading the explorer" className="p-4">
          <Skeleton className="h-64 w-full" />
        </div>
      )}
    </div>
  );
}
