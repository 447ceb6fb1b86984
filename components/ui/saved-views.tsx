"use client";

import { Bookmark } from "lucide-react";
import { Button } from "./button.tsx";
import { Opener } from "./opener.tsx";

/** The views of this page that the user saved by name: addresses with their filters, order and columns. */
export function SavedViews() {
  return (
    <Opener
      trigger={
        <Button kind="ghost" size="small">
          <Bookmark aria-hidden />
          Views
        </Button>
      }
      load={loadSheet}
      props={{}}
    />
  );
}

const loadSheet = () => import("./saved-views-sheet.tsx");
