import type { Claim, Message, QueueRef } from "../data-driver.ts";
import { uuidV7 } from "../uuid-v7.ts";
import type { MessageIds } from "./message-id.ts";
import { digest, isUniqueViolation, keyReused } from "./message-posts.ts";
import { ALIVE, DUE, FREE, MESSAGE_COLUMNS, type MessageRow, readMessage } from "./message-rows.ts";
import { type PoolQueue, type PoolQueues, STALE } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import { StatementPipeline } from "./statement-pipeline.ts";
import { clockCte, type Statement, type Statements } from "./statements.ts";

const CLAIM_LIMITS = { lanes: 2, maxRequests: 250, maxWeight: 2000 };

/**
 * One pick per queue for all its requests, dealt out in order of arrival: within a statement its own locks do not exclude it,
 * so two picks of one queue would take the same rows. SKIP LOCKED keeps statements apart, and a row that changed since
 * the snapshot is judged again as it is once locked. A request whose queue is gone or has another epoch does not come back.
 */
const takeStatement = (keyed: boolean): Statement => ({
  name: keyed ? "claim_take_keyed" : "claim_take",
  text: `
    WITH ${clockCte(11)},
    request AS MATERIALIZED (
      SELECT r.*, q.low_water, sum(r.take) OVER (PARTITION BY r.queue_id ORDER BY r.n) AS upto
      FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
          $9::bigint[], $10::bool[])
        WITH ORDINALITY AS r(queue_id, epoch, claim_id, take, ttl, grace, client_id, actor, max_count, take_exhausted, n)
      JOIN pool_queues q ON q.id = r.queue_id AND q.epoch = r.epoch AND q.state = 'live'
    ),
    wanted AS MATERIALIZED (
      SELECT r.queue_id, max(r.low_water) AS low_water, sum(r.take) AS take,
        min(r.max_count) FILTER (WHERE NOT r.take_exhausted) AS count_below
      FROM request r GROUP BY r.queue_id
    ),
    picked AS MATERIALIZED (
      SELECT p.queue_id, p.marker, p.claim_count
      FROM wanted w CROSS JOIN clock CROSS JOIN LATERAL (
        SELECT m.queue_id, m.marker, m.claim_count FROM messages m
        WHERE m.queue_id = w.queue_id AND m.marker > w.low_water AND ${ALIVE} AND ${DUE} AND ${FREE}
          AND (w.count_below IS NULL OR m.claim_count < w.count_below)
        ORDER BY m.marker LIMIT w.take
        FOR UPDATE SKIP LOCKED
      ) AS p
    ),
    dealt AS MATERIALIZED (
      SELECT r.n, r.claim_id, r.ttl, r.grace, p.queue_id, p.marker,
        r.take_exhausted AND p.claim_count >= r.max_count IS TRUE AS exhausted
      FROM (SELECT *, row_number() OVER (PARTITION BY queue_id ORDER BY marker) AS place FROM picked) AS p
      JOIN request r ON r.queue_id = p.queue_id AND p.place <= r.upto AND p.place > r.upto - r.take
    ),
    taken AS (
      UPDATE messages m SET claim_id = d.claim_id,
        claim_expires_at = clock.now + make_interval(secs => d.ttl),
        claim_count = m.claim_count + CASE WHEN d.exhausted THEN 0 ELSE 1 END,
        ttl_seconds = CASE WHEN m.expires_at < clock.now + make_interval(secs => d.ttl) THEN d.ttl + d.grace ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + make_interval(secs => d.ttl)
          THEN clock.now + make_interval(secs => d.ttl + d.grace) ELSE m.expires_at END
      FROM dealt d, clock WHERE m.queue_id = d.queue_id AND m.marker = d.marker
      RETURNING d.n, d.exhausted, m.marker AS place, ${MESSAGE_COLUMNS}
    ),
    made AS (
      INSERT INTO claims (id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT r.claim_id, r.queue_id, r.client_id, r.actor, clock.now, clock.now, clock.now + make_interval(secs => r.ttl), r.ttl, r.grace,
        array_agg(d.marker ORDER BY d.marker)
      FROM request r JOIN dealt d ON d.n = r.n AND NOT d.exhausted, clock
      GROUP BY r.claim_id, r.queue_id, r.client_id, r.actor, r.ttl, r.grace, clock.now
      RETURNING id, queue_id, created_at
    )${
      keyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT c.queue_id, $12, $13, c.id::text, c.created_at FROM made c
    )`
        : ""
    }
    SELECT r.n::int AS request, t.*
    FROM request r LEFT JOIN taken t ON t.n = r.n
    ORDER BY r.n, t.place`,
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
  readonly #pipeline: StatementPipeline<TakeRequest, Taken | typeof STALE>;

  constructor(parts: {
    statements: Statements;
    queues: PoolQueues;
    counts: QueueCounts;
    ids: MessageIds;
    clock: { offsetMs: number };
  }) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#pipeline = new StatementPipeline({ ...CLAIM_LIMITS, run: (batch) => this.#take(batch) });
  }

  /** `resume` reads a claim by id for a repeated idempotency key; null when it is no longer live. */
  take(params: TakeParams, resume: (claimId: string) => Promise<Taken | null>): Promise<Taken> {
    return this.#queues.with(params.queue, async (row) => {
      const taken =
        params.idempotencyKey === undefined
          ? await this.#pipeline.submit({ row, claimId: uuidV7(), params }, params.limit)
          : await this.#takeOnce(row, params, params.idempotencyKey, resume);
      if (taken !== STALE) this.#counts.add(row.id, "claimed", taken.messages.length);
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
    const of = <T>(read: (request: TakeRequest) => T) => batch.map(read);
    return [
      of(({ row }) => row.id),
      of(({ row }) => row.epoch),
      of(({ claimId }) => claimId),
      of(({ params }) => params.limit),
      of(({ params }) => params.ttlSeconds),
      of(({ params }) => params.graceSeconds),
      of(({ params }) => params.clientId),
      of(({ params }) => params.actor ?? null),
      of(({ params }) => params.maxClaimCount ?? null),
      of(({ params }) => params.takeExhausted ?? false),
      this.#clock.offsetMs / 1000,
    ];
  }

  #read(batch: readonly TakeRequest[], rows: readonly TakenRow[]): (Taken | typeof STALE)[] {
    const results: (Taken | typeof STALE)[] = batch.map(() => STALE);
    for (const row of rows) {
      const request = batch[row.request - 1] as TakeRequest;
      let taken = results[row.request - 1];
      if (taken === undefined || taken === STALE) {
        taken = { claimId: request.claimId, claim: null, messages: [], exhausted: [] };
        results[row.request - 1] = taken;
      }
      if (row.marker === null) continue;
      const message = readMessage(row, this.#ids);
      if (row.exhausted) {
        taken.exhausted.push(message);
        continue;
      }
      taken.messages.push(message);
      taken.claim ??= newClaim(request, row.now);
      taken.claim.messageCount += 1;
    }
    return results;
  }
}

type TakenRow = { request: number } & ((MessageRow & { exhausted: boolean }) | { marker: null });

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
