import type { Message } from "../../data-driver.ts";
import { milliseconds } from "../sql/statements.ts";
import type { MessageIds } from "./ids.ts";

/** What a message `m` is, whoever holds it. */
export const POSTED_COLUMNS = `
  m.marker::text AS marker, m.origin_id::text AS origin, m.body, m.ttl_seconds::float8 AS ttl, m.client_id AS client,
  m.claim_count AS count, ${milliseconds("m.created_at")} AS created, ${milliseconds("m.expires_at")} AS expires,
  ${milliseconds("m.available_at")} AS available`;

/** What statements select of a message `m` beside a `clock`, to be read with `readMessage`. */
export const MESSAGE_COLUMNS = `${POSTED_COLUMNS}, m.claim_id::text AS claim, ${milliseconds("m.claim_expires_at")} AS "claimExpires",
  ${milliseconds("clock.now")} AS now`;

/** Nobody holds `m` now: never claimed, released, or its claim has lapsed. */
export const FREE = "(m.claim_expires_at IS NULL OR m.claim_expires_at <= clock.now)";
export const DUE = "(m.available_at IS NULL OR m.available_at <= clock.now)";
/** May `m` be delivered once more, when messages are exhausted from this count on? Of a null count all may. */
export const deliverable = (exhaustedFrom: string) => `(${exhaustedFrom} IS NULL OR m.claim_count < ${exhaustedFrom})`;
/** Not in a form that the index by expiry could serve: a plan that was made while the table was empty would search all that lives for each message. */
export const ALIVE = "(m.expires_at > clock.now) IS TRUE";

/**
 * The rows of `messages`, which are in order, up to the one whose body would pass the bytes that the parameter
 * `maxBytes` names; at least one. `more` says of each whether another follows. Asking for a body's length does not read
 * it.
 */
export const upTo = (maxBytes: string, messages: string) => `(
    SELECT b.* FROM (
      SELECT o.*, row_number() OVER r AS place, sum(octet_length(o.body)) OVER r AS bytes, lead(true, 1, false) OVER r AS more
      FROM (${messages}) AS o WINDOW r AS (ROWS UNBOUNDED PRECEDING)
    ) AS b WHERE b.bytes <= ${maxBytes}::bigint OR b.place = 1
  )`;

export interface PostedRow {
  marker: string;
  origin: string | null;
  body: string;
  ttl: number;
  client: string | null;
  count: number;
  created: number;
  expires: number;
  available: number | null;
}

export interface MessageRow extends PostedRow {
  claim: string | null;
  claimExpires: number | null;
  now: number;
}

export function readMessage(row: MessageRow, ids: MessageIds): Message {
  return {
    id: row.origin ?? ids.idOf(row.marker),
    marker: row.marker,
    bodyText: row.body,
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
  };
}
