"use client";

import { Braces } from "lucide-react";
import { Button } from "./button.tsx";
import type { SheetProps } from "./graphql-sheet.tsx";
import { Opener } from "./opener.tsx";

/** Opens what a page or button sends to the API: the document, its variables, and a cURL line that sends the same. */
export function ShowGraphql(props: SheetProps) {
  return (
    <Opener
      trigger={
        <Button kind="ghost" size="small">
          <Braces aria-hidden />
          GraphQL
        </Button>
      }
      load={loadSheet}
      props={props}
    />
  );
}

export const loadSheet = () => import("./graphql-sheet.tsx");
