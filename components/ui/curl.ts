import { stripIgnoredCharacters } from "graphql";

/** Bytes of a line. Linux takes 128 KiB in one argument of a program. */
const MAX_ARGUMENT = 100_000;
/** What a terminal would take for a command, or would not show. JSON has another way to write it, within strings. */
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/**
 * A line for a POSIX shell that sends a document. A subscription is followed until it ends or Ctrl-C. What is too long
 * for a line comes as the text that curl reads. `token`: the shell's variable TOKEN says who asks.
 */
export function curlCommand(url: string, document: string, variables: object, { token = false } = {}): string {
  const query = stripIgnoredCharacters(document);
  const body = printableJson({ query, variables });
  const follows = query.startsWith("subscription");
  const line = [
    `curl ${follows ? "-sSN" : "-sS"} ${quoted(url)} -H 'content-type: application/json'`,
    ...(token ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(follows ? ["-H 'accept: text/event-stream'"] : []),
    "--data-binary",
  ].join(" ");
  if (new TextEncoder().encode(body).length <= MAX_ARGUMENT) return `${line} ${quoted(body)}`;
  // JSON has no line that consists of these letters.
  return `${line} @- <<'JSON'\n${body}\nJSON`;
}

/** A quote ends the quoted text, is escaped, and begins it again. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON in which every character shows. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
