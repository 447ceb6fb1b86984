import type { ResultOf } from "gql.tada";
import { cutAt, shorten } from "../ui/shorten.ts";
import type { MESSAGE_ROW, MessageRow } from "./fragments.ts";

/** Characters of a body that a row shows. */
const PREVIEW = 200;
/** Characters in front of what was found. */
const LEAD = 24;

/** A row of a message. `needle`: a text to find in its body. */
export function messageRow(
  { bodyText, ...message }: ResultOf<typeof MESSAGE_ROW>,
  href: string,
  needle: string | null,
): MessageRow {
  const bytes = new TextEncoder().encode(bodyText).length;
  return { ...message, href, bytes, ...excerpt(bodyText, needle) };
}

/** The part of a body that a row shows, and where the needle is in it. */
export function excerpt(body: string, needle: string | null): { preview: string; match: [number, number] | null } {
  const at = needle === null ? -1 : body.indexOf(needle);
  if (needle === null || at === -1) return { preview: shorten(body, PREVIEW), match: null };
  const start = at <= 2 * LEAD ? 0 : cutAt(body, at - LEAD);
  const lead = start === 0 ? "" : "…";
  const from = lead.length + at - start;
  return {
    preview: lead + shorten(body.slice(start), Math.max(PREVIEW, at - start + needle.length)),
    match: [from, from + needle.length],
  };
}
