import type { Claim } from "../../data-driver.ts";
import { normaliseUuid } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, type QueueRows, STALE } from "../queue-rows.ts";
import { int4Array, int8Array, uuidArray } from "../sql/array-parameter.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { allOrNothing, clockCte, type Statement, type Statements } from "../sql/statements.ts";
import { CLAIM_COLUMNS, type ClaimRow, claimDoesNotExist, readClaim } from "./rows.ts";

const RENEW_LIMITS = {
  concurrency: 1,
  maxRequests: 250,
  maxWeight: 250,
  splitThreshold: 32,
  serializePerPartition: false,
};

/** Messages are locked by queue and marker, then the claims' rows: so does every statement that locks both. Then they are found by their places. */
const RENEW: Statement = {
  name: "claim_renew",
  text: `
    WITH ${clockCte(7)},
    queue AS MATERIALIZED (
      SELECT array_agg(coalesce(q.id, 0) ORDER BY w.n) AS ids, array_agg(coalesce(q.low_water, 0) ORDER BY w.n) AS low_waters
      FROM unnest($1::bigint[]) WITH ORDINALITY AS w(id, n) LEFT JOIN LATERAL (
        SELECT q.id, q.low_water FROM pool_queues q WHERE q.id = w.id AND q.epoch = ($2::bigint[])[w.n] AND q.state = 'live' LIMIT 1
      ) AS q ON true
    ),
    held AS MATERIALIZED (
      SELECT w.request, w.queue_id, w.claim_id, m.place
      FROM clock CROSS JOIN (
        SELECT w.n::int AS request, c.queue_id, w.id AS claim_id, t.marker, queue.low_waters[($3::int[])[w.n]] AS low_water
        FROM queue CROSS JOIN unnest($4::uuid[]) WITH ORDINALITY AS w(id, n) CROSS JOIN LATERAL (
          SELECT c.queue_id, c.markers FROM claims c WHERE c.queue_id = queue.ids[($3::int[])[w.n]] AND c.id = w.id LIMIT 1
        ) AS c CROSS JOIN LATERAL unnest(c.markers) AS t(marker)
        ORDER BY c.queue_id, t.marker OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS place FROM messages m
        WHERE m.queue_id = w.queue_id AND m.marker = w.marker AND m.marker > w.low_water
          AND m.claim_id = w.claim_id AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    extended AS (
      UPDATE messages m SET claim_expires_at = clock.now + ($5::bigint[])[h.request] * interval '1 second',
        ttl_seconds = CASE WHEN m.expires_at < clock.now + ($5::bigint[])[h.request] * interval '1 second'
          THEN ($5::bigint[])[h.request] + ($6::bigint[])[h.request] ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + ($5::bigint[])[h.request] * interval '1 second'
          THEN clock.now + (($5::bigint[])[h.request] + ($6::bigint[])[h.request]) * interval '1 second' ELSE m.expires_at END
      FROM held h, clock WHERE m.ctid = h.place
      RETURNING 1
    ),
    locked AS MATERIALIZED (
      SELECT t.request, t.messages, c.place FROM (
        SELECT h.request, h.queue_id, h.claim_id, count(*)::int AS messages FROM held h GROUP BY h.request, h.queue_id, h.claim_id ORDER BY h.claim_id
      ) AS t CROSS JOIN LATERAL (
        SELECT c.ctid AS place FROM claims c WHERE c.queue_id = t.queue_id AND c.id = t.claim_id FOR UPDATE
      ) AS c
    ),
    renewed AS (
      UPDATE claims c SET renewed_at = clock.now, expires_at = clock.now + ($5::bigint[])[l.request] * interval '1 second',
        ttl_seconds = ($5::bigint[])[l.request], grace_seconds = ($6::bigint[])[l.request]
      FROM locked l, clock WHERE c.ctid = l.place
      RETURNING l.request, ${CLAIM_COLUMNS}, l.messages AS held
    )
    SELECT array_to_string(queue.ids, ',') AS fresh, r.*,
      ${allOrNothing("SELECT count(*) FROM extended", "SELECT count(*) FROM held")}, ${allOrNothing("SELECT count(*) FROM renewed", "SELECT count(DISTINCT h.request) FROM held h")}
    FROM queue LEFT JOIN renewed r ON true`,
};

interface RenewRequest {
  row: QueueRow;
  claimId: string;
  ttlSeconds: number;
  graceSeconds: number;
}

type RenewedRow = { fresh: string } & ((ClaimRow & { request: number }) | { request: null });
/** Null: there is no such claim. */
type Renewed = Claim | null | typeof STALE;

/** Renews claims; renewals that are in flight together share a statement. */
export class ClaimRenewer {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #clock: { offsetMs: number };
  readonly #pipeline: BatchExecutor<RenewRequest, Renewed>;

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#clock = parts.clock;
    this.#pipeline = new BatchExecutor({
      ...RENEW_LIMITS,
      partitionKey: ({ row }) => row.id,
      namesOf: ({ claimId }) => [claimId],
      run: (batch) => this.#renew(batch),
    });
  }

  renew(params: { queue: QueueRef; id: string; ttlSeconds: number; graceSeconds: number }): Promise<Claim> {
    const { ttlSeconds, graceSeconds } = params;
    const claimId = normaliseUuid(params.id);
    return this.#queues.with(params.queue, async (row) => {
      if (claimId === null) throw claimDoesNotExist(params);
      const renewed = await this.#pipeline.submit({ row, claimId, ttlSeconds, graceSeconds }, 1);
      if (renewed === null) throw claimDoesNotExist(params);
      return renewed;
    });
  }

  async #renew(batch: readonly RenewRequest[]): Promise<Renewed[]> {
    const rows = [...new Map(batch.map(({ row }) => [row.id, row])).values()];
    const places = new Map(rows.map((row, index) => [row.id, index + 1]));
    const renewed = await this.#statements.write<RenewedRow>(RENEW, [
      int8Array(rows.map((row) => row.id)),
      int8Array(rows.map((row) => row.epoch)),
      int4Array(batch.map(({ row }) => places.get(row.id) as number)),
      uuidArray(batch.map(({ claimId }) => claimId)),
      int8Array(batch.map(({ ttlSeconds }) => ttlSeconds)),
      int8Array(batch.map(({ graceSeconds }) => graceSeconds)),
      this.#clock.offsetMs / 1000,
    ]);
    const fresh = new Set(renewed[0]?.fresh.split(","));
    const results: Renewed[] = batch.map(({ row }) => (fresh.has(row.id) ? null : STALE));
    for (const row of renewed) if (row.request !== null) results[row.request - 1] = readClaim(row);
    return results;
  }
}
