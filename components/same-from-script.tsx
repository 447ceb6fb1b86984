"use client";

import { type ComponentType, useEffect, useState } from "react";
import { API_PATH } from "./api.ts";
import { type Document, textOf } from "./graphql.ts";
import { Panel } from "./ui/page.tsx";
import type { ViewProps } from "./ui/request-view.tsx";

/**
 * What a page is about to send, always in sight: the document, its variables and a cURL line. `variables` null: they
 * are not complete yet.
 */
export function SameFromScript<Data, Variables extends object>({
  document,
  variables,
}: {
  document: Document<Data, Variables>;
  variables: Variables | null;
}) {
  const [View, setView] = useState<ComponentType<ViewProps> | null>(null);
  useEffect(() => {
    let gone = false;
    import("./ui/request-view.tsx").then(
      (part) => gone || setView(() => part.default),
      // The page does its work without it.
      () => {},
    );
    return () => {
      gone = true;
    };
  }, []);
  const request = { document: textOf(document), calls: variables === null ? [] : [variables] };
  return (
    <Panel title="The same from a script">
      {View === null ? <div className="h-64" /> : <View request={request} endpoint={API_PATH} />}
    </Panel>
  );
}
