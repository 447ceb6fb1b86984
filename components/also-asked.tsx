"use client";

import { useShownRequest } from "./ui/shown-requests.ts";

/** Adds a query to the page's sheet: one that a part of the page was made of, beside the page's own. */
export function AlsoAsked({ name, document, variables }: { name: string; document: string; variables: object }) {
  useShownRequest({ name, document, calls: [variables] });
  return null;
}
