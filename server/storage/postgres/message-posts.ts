import { createHash } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { NewMessage, QueueRef } from "../data-driver.ts";
import type { Arrivals } from "./arrivals.ts";
import type { MessageIds } from "./message-id.ts";
import type { PoolParts } from "./pool-parts.ts";
import { type PoolQueue, type PoolQueues, STALE } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import { StatementPipeline } from "./statement-pipeline.ts";
import type { Statement, Statements } from "./statements.ts";

/** Posts that share one statement. Beyond these a statement only gets slower, and its neighbours wait longer. */
const POST_LIMITS = { lanes: 2, maxRequests: 500, maxWeight: 2_000_000 };
/** What a message weighs beside its body, in characters. */
const MESSAGE_WEIGHT = 100;

/**
 * Order is fixed under the queues' advisory locks, which last until commit: whoever reads past a marker has seen all before it. They are
 * taken in the order given, ascending, so that no two statements deadlock; all of them before the first marker is drawn, from one sequence.
 * A queue that is gone or has another epoch counts as 0 and takes nothing, no lock either: one that all such queues share could deadlock.
 *
 * Hazard: the statement's snapshot may be older than a lock it waited for, so the epoch seen may be stale by then. What posted
 * meanwhile lands in the life of the queue that the caller meant, as if it had come just before the change; whoever moves a queue
 * must sweep once more after the statement time-out.
 */
const postStatement = (keyed: boolean): Statement => ({
  name: keyed ? "message_post_keyed" : "message_post",
  text: `
    WITH entered AS MATERIALIZED (
      SELECT array_agg(w.id) AS ids, clock_timestamp() + make_interval(secs => $10::float8) AS now
      FROM (
        SELECT coalesce(q.id, 0) AS id, CASE WHEN q.id IS NOT NULL THEN pg_advisory_xact_lock($3::bigint + q.id) END AS locked
        FROM unnest($1::bigint[]) WITH ORDINALITY AS w(id, n)
        LEFT JOIN pool_queues q ON q.id = w.id AND q.epoch = ($2::bigint[])[w.n] AND q.state = 'live'
        ORDER BY w.n
      ) AS w
    )${
      keyed
        ? `,
    posted AS (`
        : ""
    }
    INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, ttl_seconds, client_id, body)
    SELECT e.ids[($4::int[])[b.n]], nextval('message_marker'), e.now, e.now + ($6::bigint[])[b.n] * interval '1 second',
      CASE WHEN ($7::bigint[])[b.n] > 0 THEN e.now + ($7::bigint[])[b.n] * interval '1 second' END, ($6::bigint[])[b.n],
      ($9::text[])[($8::int[])[b.n]], b.body
    FROM entered e, unnest($5::text[]) WITH ORDINALITY AS b(body, n)
    WHERE e.ids[($4::int[])[b.n]] <> 0
    RETURNING queue_id AS queue, marker${
      keyed
        ? `
    ),
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT p.queue, $11, $12, string_agg(p.marker::text, ',' ORDER BY p.marker), e.now
      FROM posted p, entered e GROUP BY p.queue, e.now
    )
    SELECT queue, marker FROM posted ORDER BY marker`
        : ""
    }`,
});

const POST = postStatement(false);
const POST_KEYED = postStatement(true);

const PRIOR_POST: Statement = {
  name: "message_post_prior",
  text: "SELECT request, result FROM idempotency_keys WHERE queue_id = $1 AND key = $2",
};

interface PostRequest {
  row: PoolQueue;
  messages: readonly NewMessage[];
  clientId: string | null;
}

/** Appends messages to queues; posts that are in flight together share a statement. */
export class MessagePosts {
  readonly #statements: Statements;
  readonly #queues: PoolQueues;
  readonly #counts: QueueCounts;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #arrivals: Arrivals;
  readonly #pipeline: StatementPipeline<PostRequest, string[] | typeof STALE>;

  constructor(parts: PoolParts) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#arrivals = parts.arrivals;
    this.#pipeline = new StatementPipeline({
      ...POST_LIMITS,
      lineOf: ({ row }) => row.id,
      run: (batch) => this.#post(batch),
    });
  }

  async post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    const { messages, clientId, idempotencyKey } = params;
    if (messages.length === 0) {
      await this.#queues.find(params.queue);
      return { ids: [] };
    }
    const markers = await this.#queues.with(params.queue, async (row) => {
      if (idempotencyKey !== undefined) return this.#postOnce(row, messages, clientId, idempotencyKey);
      const posted = await this.#pipeline.submit({ row, messages, clientId }, weightOf(messages));
      if (posted !== STALE) this.#counts.add(row.id, "posted", posted.length);
      return posted;
    });
    this.#arrivals.tell(params.queue, markers.length);
    return { ids: markers.map((marker) => this.#ids.idOf(marker)) };
  }

  async #post(batch: readonly PostRequest[]): Promise<(string[] | typeof STALE)[]> {
    return readPosted(await this.#statements.write<PostedRow>(POST, this.#parameters(batch)), batch);
  }

  /** The unique key makes the statement fail, and change nothing, when another call with it has committed in between. */
  async #postOnce(
    row: PoolQueue,
    messages: readonly NewMessage[],
    clientId: string | null,
    key: string,
  ): Promise<string[] | typeof STALE> {
    const request = digest(["post", messages, clientId]);
    for (let attempt = 0; ; attempt += 1) {
      const [prior] = await this.#statements.read<{ request: string; result: string }>(PRIOR_POST, [row.id, key]);
      if (prior !== undefined) {
        if (prior.request !== request) throw keyReused(key);
        return prior.result.split(",");
      }
      try {
        const batch = [{ row, messages, clientId }];
        const values = [...this.#parameters(batch), key, request];
        const [posted] = readPosted(await this.#statements.write<PostedRow>(POST_KEYED, values), batch);
        if (posted !== undefined && posted !== STALE) this.#counts.add(row.id, "posted", posted.length);
        return posted ?? STALE;
      } catch (error) {
        if (attempt > 0 || !isUniqueViolation(error)) throw error;
      }
    }
  }

  #parameters(batch: readonly PostRequest[]): unknown[] {
    const rows = [...new Map(batch.map(({ row }) => [`${row.id} ${row.epoch}`, row])).values()].sort((a, b) =>
      byNumber(a.id, b.id),
    );
    const places = new Map(rows.map((row, index) => [`${row.id} ${row.epoch}`, index + 1]));
    const queues: number[] = [];
    const bodies: string[] = [];
    const ttls: number[] = [];
    const delays: number[] = [];
    const clients: number[] = [];
    const clientIds = [...new Set(batch.map(({ clientId }) => clientId))];
    for (const { row, messages, clientId } of batch) {
      const place = places.get(`${row.id} ${row.epoch}`) as number;
      const client = clientIds.indexOf(clientId) + 1;
      for (const message of messages) {
        queues.push(place);
        bodies.push(message.bodyText);
        ttls.push(message.ttlSeconds);
        delays.push(message.delaySeconds);
        clients.push(client);
      }
    }
    const ids = rows.map((row) => row.id);
    const epochs = rows.map((row) => row.epoch);
    return [
      ids,
      epochs,
      this.#statements.lockSpace,
      queues,
      bodies,
      ttls,
      delays,
      clients,
      clientIds,
      this.#clock.offsetMs / 1000,
    ];
  }
}

interface PostedRow {
  queue: string;
  marker: string;
}

/**
 * The rows come in the order of the messages, without those of stale queues. A queue's row never changes its epoch (a new
 * life is a new row), so a queue that took anything took all that was meant for it.
 */
function readPosted(rows: readonly PostedRow[], batch: readonly PostRequest[]): (string[] | typeof STALE)[] {
  const fresh = new Set(rows.map((row) => row.queue));
  let next = 0;
  return batch.map(({ row, messages }) => {
    if (!fresh.has(row.id)) return STALE;
    const markers = rows.slice(next, next + messages.length).map((posted) => posted.marker);
    next += messages.length;
    return markers;
  });
}

function weightOf(messages: readonly NewMessage[]): number {
  let weight = 0;
  for (const message of messages) weight += message.bodyText.length + MESSAGE_WEIGHT;
  return weight;
}

/** Ascending as numbers, without losing digits of a bigint. */
export const byNumber = (a: string, b: string) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export const digest = (request: unknown) => createHash("sha256").update(JSON.stringify(request)).digest("hex");

export function keyReused(key: string): DomainError {
  return new DomainError(
    "IDEMPOTENCY_KEY_REUSED",
    "This idempotencyKey was used for a different request. Take a new key for a new request.",
    { details: { idempotencyKey: key } },
  );
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DomainError && (error.cause as { code?: unknown } | undefined)?.code === "23505";
}
