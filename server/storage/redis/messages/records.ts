import type { Message } from "../../data-driver.ts";
import type { Reply } from "../server/connection.ts";

/** How scripts get a text that may be missing: with a sign in front. */
export const optional = (text: string | null | undefined) => (text === null || text === undefined ? "-" : `+${text}`);
/** And a count. */
export const countOrNothing = (count: number | null | undefined) =>
  count === null || count === undefined ? "" : String(count);
export const readOptional = (text: string) => (text.startsWith("+") ? text.slice(1) : null);

/** A moment that scripts gave, in microseconds. */
export const dateOf = (microseconds: string | number) => new Date(Number(microseconds) / 1000);
export const ageSeconds = (now: string, since: string) =>
  Math.max(0, Math.floor((Number(now) - Number(since)) / 1_000_000));

/** Reads the messages of a reply: id, record and body of each. `now` is the script's. */
export function readMessages(reply: Reply, now: string): Message[] {
  const parts = reply as readonly string[];
  const messages: Message[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    messages.push(readMessage(parts[at] as string, parts[at + 1] as string, parts[at + 2] as string, now));
  }
  return messages;
}

const FIELDS = 9;

function readMessage(id: string, record: string, bodyText: string, now: string): Message {
  const [marker, created, expires, ttl, available, count, claim, reaper] = record.split(" ", FIELDS) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  let client = 0;
  for (let field = 0; field < FIELDS; field += 1) client = record.indexOf(" ", client) + 1;
  const claimId = claim === "-" ? null : claim;
  return {
    id,
    marker,
    bodyText,
    ttlSeconds: Number(ttl),
    ageSeconds: ageSeconds(now, created),
    createdAt: dateOf(created),
    expiresAt: dateOf(expires),
    delayedUntil: Number(available) > Number(now) ? dateOf(available) : null,
    clientId: readOptional(record.slice(client)),
    claimCount: Number(count),
    claim: claimId !== null && Number(reaper) > Number(now) ? { id: claimId, expiresAt: dateOf(reaper) } : null,
    lastClaimId: claimId,
  };
}
