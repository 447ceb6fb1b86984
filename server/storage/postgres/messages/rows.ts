/** What statements select of messages and ask of them, and how a row becomes a Message. */
import type { Message } from "../../data-driver.ts";
import { type DeadLettered, keptDeadLettered, readDeadLettered } from "../../messages/dead-lettered.ts";
import { readHeaders } from "../../messages/message-headers.ts";
import { milliseconds } from "../sql/fragments.ts";
import type { MessageIds } from "./ids.ts";

/** The columns of a message `m`, without its claim. `pg` gives a bigint and a UUID as the text that it got. */
export const POSTED_COLUMNS = `
  m.marker, m.origin_id AS origin, m.body, m.ttl_seconds::float8 AS ttl, m.client_id AS client,
  m.claim_count AS count, m.headers, m.dead_lettered AS "deadLettered", ${milliseconds("m.created_at")} AS created,
  ${milliseconds("m.expires_at")} AS expires, ${milliseconds("m.available_at")} AS available`;

/** The columns of a message `m` beside a `clock`, for `readMessage`. */
export const MESSAGE_COLUMNS = `${POSTED_COLUMNS}, m.claim_id AS claim,
  ${milliseconds("m.claim_expires_at")} AS "claimExpires", ${milliseconds("clock.now")} AS now`;

/** The bytes of a message that limits count: see messageBytes. To ask for a text's length does not read it. */
export const sizeOf = (message: string) =>
  `(octet_length(${message}.body) + coalesce(octet_length(${message}.headers), 0))`;

/** No live claim holds `m`: it was never claimed, was released, or its claim has expired. */
export const UNCLAIMED = "(m.claim_expires_at IS NULL OR m.claim_expires_at <= clock.now)";
/** The delay of `m` is over. */
export const DUE = "(m.available_at IS NULL OR m.available_at <= clock.now)";
/** `m` may be delivered once more, when messages are exhausted from this count on. With a null count all may. */
export const deliverable = (exhaustedFrom: string) => `(${exhaustedFrom} IS NULL OR m.claim_count < ${exhaustedFrom})`;
/**
 * `m` has not expired. Not in a form that the index by expiry could serve: a plan that was made while the table was
 * empty would search all live messages for each one.
 */
export const ALIVE = "(m.expires_at > clock.now) IS TRUE";

/**
 * The rows of `messages`, which are in order, up to the one that would pass `most` bytes; at least one. `more` says of
 * each whether another follows. The window has no order of its own: it reads the rows in the order in which `messages`
 * sorts them.
 */
export const upTo = (messages: string, most = ":maxBytes::bigint") => `(
    SELECT b.* FROM (
      SELECT o.*, row_number() OVER r AS position, sum(${sizeOf("o")}) OVER r AS bytes,
        lead(true, 1, false) OVER r AS more
      FROM (${messages}) AS o WINDOW r AS (ROWS UNBOUNDED PRECEDING)
    ) AS b WHERE b.bytes <= ${most} OR b.position = 1
  )`;

export interface PostedRow {
  marker: string;
  origin: string | null;
  body: string;
  ttl: number;
  client: string | null;
  count: number;
  headers: string | null;
  deadLettered: string | null;
  created: number;
  expires: number;
  available: number | null;
}

export interface MessageRow extends PostedRow {
  claim: string | null;
  claimExpires: number | null;
  now: number;
}

/** A row of a statement that has one even where there is no message. */
export type MaybeMessageRow = MessageRow | { marker: null };

/** The column `dead_lettered`. */
export function deadLetteredText(from: DeadLettered | null): string | null {
  return from === null ? null : JSON.stringify(keptDeadLettered(from));
}

export function readMessages(rows: readonly MaybeMessageRow[], ids: MessageIds): Message[] {
  return rows.filter((row) => row.marker !== null).map((row) => readMessage(row, ids));
}

export function readMessage(row: MessageRow, ids: MessageIds): Message {
  return {
    id: row.origin ?? ids.idOf(row.marker),
    marker: row.marker,
    bodyText: row.body,
    headers: readHeaders(row.headers),
    ttlSeconds: row.ttl,
    ageSeconds: Math.max(0, Math.floor((row.now - row.created) / 1000)),
    createdAt: new Date(row.created),
    expiresAt: new Date(row.expires),
    delayedUntil: row.available !== null && row.available > row.now ? new Date(row.available) : null,
    clientId: row.client,
    claimCount: row.count,
    claim:
      row.claim !== null && row.claimExpires !== null && row.claimExpires > row.now
        ? { id: row.claim, expiresAt: new Date(row.claimExpires) }
        : null,
    lastClaimId: row.claim,
    deadLettered: row.deadLettered === null ? null : readDeadLettered(JSON.parse(row.deadLettered)),
  };
}
