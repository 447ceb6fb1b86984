/** Renews claims. Renewals that are in flight together share a statement. */
import type { Claim, ClaimController } from "../../data-driver.ts";
import { normaliseUuid } from "../../list-pages.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { int4Array, int8Array, uuidArray } from "../sql/array-parameter.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { allOrNothing, CLOCK, liveQueues } from "../sql/fragments.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { CLAIM_COLUMNS, type ClaimRow, claimDoesNotExist, readClaim } from "./rows.ts";

const RENEW_LIMITS = {
  concurrency: 1,
  maxRequests: 250,
  maxWeight: 250,
  splitThreshold: 32,
  serializePerPartition: false,
};

/** `live`: ids of the queues that are as the caller knew them, 0 for the others. `request`: its number, from 1. */
type RenewedRow = { live: string } & ((ClaimRow & { request: number }) | { request: null });

const TTL = "(:ttlSeconds::bigint[])[h.request]";
const GRACE = "(:graceSeconds::bigint[])[h.request]";

/**
 * Messages are locked by queue and marker, then the claims' rows: so does every statement that locks both. Then they
 * are found by their `ctid`. `queues`: the queue of each request, from 1.
 */
const RENEW = statement({
  name: "claim_renew",
  parameters: {
    queueIds: int8Array,
    epochs: int8Array,
    queues: int4Array,
    claimIds: uuidArray,
    ttlSeconds: int8Array,
    graceSeconds: int8Array,
  },
  row: rowOf<RenewedRow>(),
  text: `
    WITH ${CLOCK},
    queue AS MATERIALIZED (
      SELECT array_agg(coalesce(q.id, 0) ORDER BY w.n) AS ids,
        array_agg(coalesce(q.low_water, 0) ORDER BY w.n) AS low_waters
      FROM ${liveQueues("q.id, q.low_water", "LEFT")}
    ),
    held AS MATERIALIZED (
      SELECT w.request, w.queue_id, w.claim_id, m.tid
      FROM clock CROSS JOIN (
        SELECT w.n::int AS request, c.queue_id, w.id AS claim_id, t.marker,
          queue.low_waters[(:queues::int[])[w.n]] AS low_water
        FROM queue CROSS JOIN unnest(:claimIds::uuid[]) WITH ORDINALITY AS w(id, n) CROSS JOIN LATERAL (
          SELECT c.queue_id, c.markers FROM claims c WHERE c.queue_id = queue.ids[(:queues::int[])[w.n]] AND c.id = w.id
          LIMIT 1
        ) AS c CROSS JOIN LATERAL unnest(c.markers) AS t(marker)
        ORDER BY c.queue_id, t.marker OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid FROM messages m
        WHERE m.queue_id = w.queue_id AND m.marker = w.marker AND m.marker > w.low_water
          AND m.claim_id = w.claim_id AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    extended AS (
      UPDATE messages m SET claim_expires_at = clock.now + ${TTL} * interval '1 second',
        ttl_seconds = CASE WHEN m.expires_at < clock.now + ${TTL} * interval '1 second'
          THEN ${TTL} + ${GRACE} ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + ${TTL} * interval '1 second'
          THEN clock.now + (${TTL} + ${GRACE}) * interval '1 second' ELSE m.expires_at END
      FROM held h, clock WHERE m.ctid = h.tid
      RETURNING 1
    ),
    locked AS MATERIALIZED (
      SELECT t.request, t.messages, c.tid FROM (
        SELECT h.request, h.queue_id, h.claim_id, count(*)::int AS messages FROM held h
        GROUP BY h.request, h.queue_id, h.claim_id ORDER BY h.claim_id
      ) AS t CROSS JOIN LATERAL (
        SELECT c.ctid AS tid FROM claims c WHERE c.queue_id = t.queue_id AND c.id = t.claim_id FOR UPDATE
      ) AS c
    ),
    renewed AS (
      UPDATE claims c SET renewed_at = clock.now, expires_at = clock.now + ${TTL} * interval '1 second',
        ttl_seconds = ${TTL}, grace_seconds = ${GRACE}
      FROM locked h, clock WHERE c.ctid = h.tid
      RETURNING h.request, ${CLAIM_COLUMNS}, h.messages AS held
    )
    SELECT array_to_string(queue.ids, ',') AS live, r.*,
      ${allOrNothing("SELECT count(*) FROM extended", "SELECT count(*) FROM held")},
      ${allOrNothing("SELECT count(*) FROM renewed", "SELECT count(DISTINCT h.request) FROM held h")}
    FROM queue LEFT JOIN renewed r ON true`,
});

interface RenewRequest {
  row: QueueRow;
  claimId: string;
  ttlSeconds: number;
  graceSeconds: number;
}

/** Null: there is no such claim. */
type Renewed = Claim | null | typeof STALE;

export class ClaimRenewer {
  readonly #pool: Pool;
  readonly #executor: BatchExecutor<RenewRequest, Renewed>;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#executor = new BatchExecutor({
      ...RENEW_LIMITS,
      partitionKey: ({ row }) => row.id,
      namesOf: ({ claimId }) => [claimId],
      run: (batch) => this.#renew(batch),
    });
  }

  readonly renew: ClaimController["update"] = async (params) => {
    const { ttlSeconds, graceSeconds } = params;
    const claimId = normaliseUuid(params.id);
    return this.#pool.queues.with(params.queue, async (row) => {
      if (claimId === null) throw claimDoesNotExist(params);
      const renewed = await this.#executor.submit({ row, claimId, ttlSeconds, graceSeconds }, 1);
      if (renewed === null) throw claimDoesNotExist(params);
      return renewed;
    });
  };

  async #renew(batch: readonly RenewRequest[]): Promise<Renewed[]> {
    const rows = [...new Map(batch.map(({ row }) => [row.id, row])).values()];
    const numberOfQueue = new Map(rows.map(({ id }, index) => [id, index + 1]));
    const renewed = await this.#pool.statements.write(RENEW, {
      queueIds: rows.map(({ id }) => id),
      epochs: rows.map(({ epoch }) => epoch),
      queues: batch.map(({ row }) => numberOfQueue.get(row.id) as number),
      claimIds: batch.map(({ claimId }) => claimId),
      ttlSeconds: batch.map(({ ttlSeconds }) => ttlSeconds),
      graceSeconds: batch.map(({ graceSeconds }) => graceSeconds),
    });
    const live = new Set(renewed[0]?.live.split(","));
    const results: Renewed[] = batch.map(({ row }) => (live.has(row.id) ? null : STALE));
    for (const row of renewed) if (row.request !== null) results[row.request - 1] = readClaim(row);
    return results;
  }
}
