/** What statements select of claims, and how a row becomes a Claim. */
import { DomainError } from "../../../errors.ts";
import type { Claim } from "../../data-driver.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { ALIVE } from "../messages/rows.ts";
import { milliseconds } from "../sql/fragments.ts";

/**
 * The columns of a claim `c` beside a `clock`, for `readClaim`. `held` stands beside them: how many messages it holds.
 */
export const CLAIM_COLUMNS = `
  c.id::text AS id, c.ttl_seconds::float8 AS ttl, c.grace_seconds::float8 AS grace, c.client_id AS client,
  c.actor AS actor, ${milliseconds("c.created_at")} AS created, ${milliseconds("c.renewed_at")} AS renewed,
  ${milliseconds("c.expires_at")} AS expires, ${milliseconds("clock.now")} AS now`;

/**
 * The messages `m` that claim `c` of queue `q` holds, each looked up by its marker whatever the planner thinks of the
 * table.
 */
export const HELD = `unnest(c.markers) AS t(marker) CROSS JOIN LATERAL (
    SELECT m.* FROM messages m WHERE m.queue_id = c.queue_id AND m.marker = t.marker AND m.marker > q.low_water
      AND m.claim_id = c.id AND m.claim_expires_at > clock.now AND ${ALIVE} LIMIT 1
  ) AS m`;

/** A condition: no message carries the id of claim `c`, not even an expired one. */
export const HOLDS_NOTHING = `NOT EXISTS (
          SELECT 1 FROM unnest(c.markers) AS t(marker) CROSS JOIN LATERAL (
            SELECT 1 FROM messages m WHERE m.queue_id = c.queue_id AND m.marker = t.marker AND m.claim_id = c.id LIMIT 1
          ) AS m
        )`;

export interface ClaimRow {
  id: string;
  ttl: number;
  grace: number;
  client: string | null;
  actor: string | null;
  created: number;
  renewed: number;
  expires: number;
  now: number;
  held: number;
}

export function readClaim(row: ClaimRow): Claim {
  return {
    id: row.id,
    ttlSeconds: row.ttl,
    graceSeconds: row.grace,
    ageSeconds: Math.max(0, Math.floor((row.now - row.renewed) / 1000)),
    createdAt: new Date(row.created),
    renewedAt: new Date(row.renewed),
    expiresAt: new Date(row.expires),
    clientId: row.client,
    actor: row.actor,
    messageCount: row.held,
  };
}

export function claimDoesNotExist(params: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "CLAIM_DOES_NOT_EXIST",
    "This claim does not exist in this queue, was released or has expired.",
    {
      details: { queue: params.queue.name, claimId: params.id },
    },
  );
}
