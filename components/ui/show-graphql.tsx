"use client";

import { Braces } from "lucide-react";
import { Button } from "./button.tsx";
import { Opener } from "./opener.tsx";

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
  return (
    <Opener
      trigger={
        <Button kind="ghost" size="small">
          <Braces aria-hidden />
          GraphQL
        </Button>
      }
      load={loadSheet}
      props={{ document, variables, endpoint }}
    />
  );
}

const loadSheet = () => import("./graphql-sheet.tsx");
