import type { Claim, Message, QueueRef } from "../data-driver.ts";
import { uuidV7 } from "../uuid-v7.ts";
import type { MessageIds } from "./message-id.ts";
import { byNumber, digest, isUniqueViolation, keyReused } from "./message-posts.ts";
import { ALIVE, DUE, FREE, MESSAGE_COLUMNS, type MessageRow, readMessage } from "./message-rows.ts";
import type { PoolParts } from "./pool-parts.ts";
import { type PoolQueue, type PoolQueues, STALE } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import type { QueueFloors } from "./queue-floors.ts";
import { StatementPipeline } from "./statement-pipeline.ts";
import { clockCte, type Statement, type Statements } from "./statements.ts";

const CLAIM_LIMITS = { lanes: 2, maxRequests: 250, maxWeight: 2000 };

/**
 * One pick per queue for all its requests: within a statement its own locks do not exclude it, so two picks of one queue would take the
 * same rows. What was picked is dealt out by place, in order of arrival: `owners` names the request that gets the first, second ... row
 * of a queue. SKIP LOCKED keeps statements apart, and a row that changed since the snapshot is judged again as it is once
 * locked. Queues that are gone or have another epoch are missing in `fresh`.
 */
const takeStatement = (keyed: boolean): Statement => ({
  name: keyed ? "claim_take_keyed" : "claim_take",
  text: `
    WITH ${clockCte(13)},
    queue AS MATERIALIZED (
      SELECT w.n, ($3::bigint[])[w.n] AS take, ($4::int[])[w.n] AS "offset", ($5::bigint[])[w.n] AS count_below, q.id,
        greatest(q.low_water, ($14::bigint[])[w.n]) AS floor
      FROM unnest($1::bigint[]) WITH ORDINALITY AS w(id, n)
      JOIN pool_queues q ON q.id = w.id AND q.epoch = ($2::bigint[])[w.n] AND q.state = 'live'
    ),
    picked AS MATERIALIZED (
      SELECT w.offset, p.queue_id, p.marker, p.claim_count, row_number() OVER (PARTITION BY p.queue_id ORDER BY p.marker)::int AS place
      FROM queue w CROSS JOIN clock CROSS JOIN LATERAL (
        SELECT m.queue_id, m.marker, m.claim_count FROM messages m
        WHERE m.queue_id = w.id AND m.marker > w.floor AND ${ALIVE} AND ${DUE} AND ${FREE}
          AND (w.count_below IS NULL OR m.claim_count < w.count_below)
        ORDER BY m.marker LIMIT w.take
        FOR UPDATE SKIP LOCKED
      ) AS p
    ),
    dealt AS MATERIALIZED (
      SELECT r.queue_id, r.marker, r.request, ($7::uuid[])[r.request] AS claim_id, ($8::bigint[])[r.request] AS ttl,
        ($9::bigint[])[r.request] AS grace, r.claim_count >= ($10::bigint[])[r.request] AS exhausted
      FROM (SELECT p.*, ($6::int[])[p.offset + p.place] AS request FROM picked p) AS r
    ),
    taken AS (
      UPDATE messages m SET claim_id = d.claim_id,
        claim_expires_at = clock.now + make_interval(secs => d.ttl),
        claim_count = m.claim_count + CASE WHEN d.exhausted THEN 0 ELSE 1 END,
        ttl_seconds = CASE WHEN m.expires_at < clock.now + make_interval(secs => d.ttl) THEN d.ttl + d.grace ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + make_interval(secs => d.ttl)
          THEN clock.now + make_interval(secs => d.ttl + d.grace) ELSE m.expires_at END
      FROM dealt d, clock WHERE m.queue_id = d.queue_id AND m.marker = d.marker
      RETURNING d.request, d.exhausted, m.marker AS place, ${MESSAGE_COLUMNS}
    ),
    made AS (
      INSERT INTO claims (id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT d.claim_id, d.queue_id, ($11::text[])[d.request], ($12::text[])[d.request], clock.now, clock.now,
        clock.now + make_interval(secs => d.ttl), d.ttl, d.grace, array_agg(d.marker ORDER BY d.marker)
      FROM dealt d, clock WHERE NOT d.exhausted
      GROUP BY d.claim_id, d.queue_id, d.request, d.ttl, d.grace, clock.now${keyed ? " RETURNING id, queue_id, created_at" : ""}
    )${
      keyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT c.queue_id, $15, $16, c.id::text, c.created_at FROM made c
    )`
        : ""
    }
    SELECT fresh.queues AS fresh, t.*
    FROM (SELECT string_agg(q.n::text, ',') AS queues FROM queue q) AS fresh LEFT JOIN taken t ON true
    ORDER BY t.place`,
});

const TAKE = takeStatement(false);
const TAKE_KEYED = takeStatement(true);

const PRIOR_CLAIM: Statement = {
  name: "claim_prior",
  text: "SELECT request, result FROM idempotency_keys WHERE queue_id = $1 AND key = $2",
};

const FORGET_KEY: Statement = {
  name: "idempotency_forget",
  text: "DELETE FROM idempotency_keys WHERE queue_id = $1 AND key = $2 AND result = $3",
};

export interface TakeParams {
  queue: QueueRef;
  limit: number;
  ttlSeconds: number;
  graceSeconds: number;
  clientId: string | null;
  actor?: string | null;
  maxClaimCount?: number;
  takeExhausted?: boolean;
  idempotencyKey?: string;
}

export interface Taken {
  claimId: string;
  claim: Claim | null;
  messages: Message[];
  exhausted: Message[];
}

interface TakeRequest {
  row: PoolQueue;
  claimId: string;
  params: TakeParams;
}

/** Takes messages for claims; claims that are in flight together share a statement. */
export class ClaimTakes {
  readonly #statements: Statements;
  readonly #queues: PoolQueues;
  readonly #counts: QueueCounts;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #floors: QueueFloors;
  readonly #pipeline: StatementPipeline<TakeRequest, Taken | typeof STALE>;

  constructor(parts: PoolParts) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#floors = parts.floors;
    this.#pipeline = new StatementPipeline({
      ...CLAIM_LIMITS,
      lineOf: ({ row }) => row.id,
      run: (batch) => this.#take(batch),
    });
  }

  /** `resume` reads a claim by id for a repeated idempotency key; null when it is no longer live. */
  take(params: TakeParams, resume: (claimId: string) => Promise<Taken | null>): Promise<Taken> {
    return this.#queues.with(params.queue, async (row) => {
      const taken =
        params.idempotencyKey === undefined
          ? await this.#pipeline.submit({ row, claimId: uuidV7(), params }, params.limit)
          : await this.#takeOnce(row, params, params.idempotencyKey, resume);
      if (taken === STALE) return STALE;
      this.#floors.refresh(row);
      return taken;
    });
  }

  async #take(batch: readonly TakeRequest[]): Promise<(Taken | typeof STALE)[]> {
    return this.#read(batch, await this.#statements.write<TakenRow>(TAKE, this.#parameters(batch)));
  }

  /** The unique key makes the statement fail, and take nothing, when another call with it has committed in between. */
  async #takeOnce(
    row: PoolQueue,
    params: TakeParams,
    key: string,
    resume: (claimId: string) => Promise<Taken | null>,
  ): Promise<Taken | typeof STALE> {
    const { limit, ttlSeconds, graceSeconds, clientId } = params;
    const request = digest(["claim", limit, ttlSeconds, graceSeconds, clientId]);
    for (let attempt = 0; ; attempt += 1) {
      const [prior] = await this.#statements.read<{ request: string; result: string }>(PRIOR_CLAIM, [row.id, key]);
      if (prior !== undefined) {
        if (prior.request !== request) throw keyReused(key);
        const resumed = await resume(prior.result);
        if (resumed !== null) return resumed;
        await this.#statements.write(FORGET_KEY, [row.id, key, prior.result]);
      }
      const single = [{ row, claimId: uuidV7(), params }];
      try {
        const rows = await this.#statements.write<TakenRow>(TAKE_KEYED, [...this.#parameters(single), key, request]);
        return this.#read(single, rows)[0] ?? STALE;
      } catch (error) {
        if (attempt > 2 || !isUniqueViolation(error)) throw error;
      }
    }
  }

  #parameters(batch: readonly TakeRequest[]): unknown[] {
    const queues = dealByQueue(batch);
    const of = <T>(read: (request: TakeRequest) => T) => batch.map(read);
    return [
      queues.map(({ row }) => row.id),
      queues.map(({ row }) => row.epoch),
      queues.map(({ owners }) => owners.length),
      queues.map((_, index) => queues.slice(0, index).reduce((sum, { owners }) => sum + owners.length, 0)),
      queues.map(({ countBelow }) => countBelow),
      queues.flatMap(({ owners }) => owners.map((request) => request + 1)),
      of(({ claimId }) => claimId),
      of(({ params }) => params.ttlSeconds),
      of(({ params }) => params.graceSeconds),
      of(({ params }) =>
        params.takeExhausted === true && params.maxClaimCount !== undefined ? params.maxClaimCount : NEVER,
      ),
      of(({ params }) => params.clientId),
      of(({ params }) => params.actor ?? null),
      this.#clock.offsetMs / 1000,
      queues.map(({ row }) => row.floor),
    ];
  }

  #read(batch: readonly TakeRequest[], rows: readonly TakenRow[]): (Taken | typeof STALE)[] {
    const queues = dealByQueue(batch);
    const results: (Taken | typeof STALE)[] = batch.map(() => STALE);
    for (const place of rows[0]?.fresh?.split(",") ?? []) {
      for (const index of queues[Number(place) - 1]?.requests ?? []) {
        const { claimId } = batch[index] as TakeRequest;
        results[index] = { claimId, claim: null, messages: [], exhausted: [] };
      }
    }
    for (const row of rows) {
      if (row.marker === null) continue;
      const request = batch[row.request - 1] as TakeRequest;
      const taken = results[row.request - 1] as Taken;
      const message = readMessage(row, this.#ids);
      if (byNumber(row.marker, request.row.seen) > 0) request.row.seen = row.marker;
      if (row.exhausted) {
        taken.exhausted.push(message);
        continue;
      }
      taken.messages.push(message);
      taken.claim ??= newClaim(request, row.now);
      taken.claim.messageCount += 1;
      this.#counts.add(request.row.id, "claimed", 1);
    }
    return results;
  }
}

/** More claims than any message has: what no count reaches. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** `fresh`: places of the queues that are as the caller knew them, joined by commas; null when there is none. */
type TakenRow = { fresh: string | null } & ((MessageRow & { request: number; exhausted: boolean }) | { marker: null });

interface QueueDeal {
  row: PoolQueue;
  /** Indices of the requests, in order of arrival. */
  requests: number[];
  /** For each row that may be picked, in order, the index of the request that gets it. */
  owners: number[];
  /** Rows claimed this often already are left alone. */
  countBelow: number | null;
}

function dealByQueue(batch: readonly TakeRequest[]): QueueDeal[] {
  const deals = new Map<string, QueueDeal>();
  batch.forEach(({ row, params }, index) => {
    let deal = deals.get(row.id);
    if (deal === undefined) {
      deal = { row, requests: [], owners: [], countBelow: null };
      deals.set(row.id, deal);
    }
    deal.requests.push(index);
    for (let place = 0; place < params.limit; place += 1) deal.owners.push(index);
    if (params.takeExhausted !== true && params.maxClaimCount !== undefined) {
      deal.countBelow = Math.min(deal.countBelow ?? params.maxClaimCount, params.maxClaimCount);
    }
  });
  return [...deals.values()];
}

function newClaim({ claimId, params }: TakeRequest, now: number): Claim {
  return {
    id: claimId,
    ttlSeconds: params.ttlSeconds,
    graceSeconds: params.graceSeconds,
    ageSeconds: 0,
    createdAt: new Date(now),
    renewedAt: new Date(now),
    expiresAt: new Date(now + params.ttlSeconds * 1000),
    clientId: params.clientId,
    actor: params.actor ?? null,
    messageCount: 0,
  };
}
