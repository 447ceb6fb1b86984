import { createHash } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { NewMessage, QueueRef } from "../data-driver.ts";
import type { MessageIds } from "./message-id.ts";
import { type PoolQueue, type PoolQueues, STALE } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import { StatementPipeline } from "./statement-pipeline.ts";
import { clockCte, type Statement, type Statements } from "./statements.ts";

/** Posts that share one statement. Beyond these a statement only gets slower, and its neighbours wait longer. */
const POST_LIMITS = { lanes: 2, maxRequests: 500, maxWeight: 2_000_000 };
/** What a message weighs beside its body, in characters. */
const MESSAGE_WEIGHT = 100;

/**
 * Order is fixed under the queues' locks, taken in ascending order and held until commit: whoever reads past a marker has seen all
 * before it. The markers come from one sequence after the locks, so they ascend inside a queue in the order of commit.
 * A request whose queue is gone or has another epoch takes no part, and does not come back in the result.
 */
const postStatement = (keyed: boolean): Statement => ({
  name: keyed ? "message_post_keyed" : "message_post",
  text: `
    WITH entered AS MATERIALIZED (SELECT id, epoch FROM enter_queues($1::bigint[])),
    ${clockCte(9, "entered")},
    request AS MATERIALIZED (
      SELECT r.n, r.queue_id, r.client_id
      FROM unnest($2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY AS r(queue_id, epoch, client_id, n)
      JOIN entered e ON e.id = r.queue_id AND e.epoch = r.epoch
    ),
    ordered AS MATERIALIZED (
      SELECT r.n AS request, r.queue_id, r.client_id, b.body, b.ttl, b.delay, b.n
      FROM unnest($5::bigint[], $6::text[], $7::bigint[], $8::bigint[]) WITH ORDINALITY AS b(request, body, ttl, delay, n)
      JOIN request r ON r.n = b.request
      ORDER BY b.n
    ),
    numbered AS MATERIALIZED (SELECT nextval('message_marker') AS marker, o.* FROM ordered o),
    inserted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, ttl_seconds, client_id, body)
      SELECT b.queue_id, b.marker, clock.now, clock.now + make_interval(secs => b.ttl),
        CASE WHEN b.delay > 0 THEN clock.now + make_interval(secs => b.delay) END, b.ttl, b.client_id, b.body
      FROM numbered b, clock
    )${
      keyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT r.queue_id, $10, $11, coalesce(string_agg(b.marker::text, ',' ORDER BY b.n), ''), clock.now
      FROM request r LEFT JOIN numbered b ON true, clock
      GROUP BY r.queue_id, clock.now
    )`
        : ""
    }
    SELECT r.n::int AS request, b.marker::text AS marker
    FROM request r LEFT JOIN numbered b ON b.request = r.n
    ORDER BY r.n, b.n`,
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
  readonly #pipeline: StatementPipeline<PostRequest, string[] | typeof STALE>;

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
    this.#pipeline = new StatementPipeline({ ...POST_LIMITS, run: (batch) => this.#post(batch) });
  }

  async post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    const { messages, clientId, idempotencyKey } = params;
    const markers = await this.#queues.with(params.queue, async (row) => {
      if (idempotencyKey !== undefined) return this.#postOnce(row, messages, clientId, idempotencyKey);
      const posted = await this.#pipeline.submit({ row, messages, clientId }, weightOf(messages));
      if (posted !== STALE) this.#counts.add(row.id, "posted", posted.length);
      return posted;
    });
    return { ids: markers.map((marker) => this.#ids.idOf(marker)) };
  }

  async #post(batch: readonly PostRequest[]): Promise<(string[] | typeof STALE)[]> {
    const rows = await this.#statements.write<PostedRow>(POST, this.#parameters(batch));
    return readPosted(rows, batch.length);
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
        return prior.result === "" ? [] : prior.result.split(",");
      }
      try {
        const values = [...this.#parameters([{ row, messages, clientId }]), key, request];
        const [posted] = readPosted(await this.#statements.write<PostedRow>(POST_KEYED, values), 1);
        if (posted !== undefined && posted !== STALE) this.#counts.add(row.id, "posted", posted.length);
        return posted ?? STALE;
      } catch (error) {
        if (attempt > 0 || !isUniqueViolation(error)) throw error;
      }
    }
  }

  #parameters(batch: readonly PostRequest[]): unknown[] {
    const queueIds: string[] = [];
    const epochs: string[] = [];
    const clients: (string | null)[] = [];
    const requests: number[] = [];
    const bodies: string[] = [];
    const ttls: number[] = [];
    const delays: number[] = [];
    batch.forEach(({ row, messages, clientId }, index) => {
      queueIds.push(row.id);
      epochs.push(row.epoch);
      clients.push(clientId);
      for (const message of messages) {
        requests.push(index + 1);
        bodies.push(message.bodyText);
        ttls.push(message.ttlSeconds);
        delays.push(message.delaySeconds);
      }
    });
    const locks = [...new Set(queueIds)].sort(byNumber);
    return [locks, queueIds, epochs, clients, requests, bodies, ttls, delays, this.#clock.offsetMs / 1000];
  }
}

interface PostedRow {
  request: number;
  marker: string | null;
}

function readPosted(rows: readonly PostedRow[], requests: number): (string[] | typeof STALE)[] {
  const posted: (string[] | typeof STALE)[] = Array.from({ length: requests }, () => STALE);
  for (const { request, marker } of rows) {
    let markers = posted[request - 1];
    if (markers === STALE || markers === undefined) {
      markers = [];
      posted[request - 1] = markers;
    }
    if (marker !== null) markers.push(marker);
  }
  return posted;
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
