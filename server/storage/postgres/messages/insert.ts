import type { NewMessage } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, type QueueRows, STALE } from "../queue-rows.ts";
import { int4Array, int8Array, textArray } from "../sql/array-parameter.ts";
import { BatchExecutor } from "../sql/batch-executor.ts";
import { isUniqueViolation } from "../sql/connection.ts";
import { alike, type Statement, type Statements } from "../sql/statements.ts";
import type { Counters } from "./counters.ts";
import type { MessageIds } from "./ids.ts";
import { byNumber } from "./markers.ts";

/** Posts that share one statement. Beyond these a statement only gets slower, and its neighbours wait longer. */
const POST_LIMITS = {
  concurrency: 2,
  maxRequests: 500,
  maxWeight: 2_000_000,
  splitThreshold: 10_000,
  serializePerPartition: false,
};
/** What a message weighs beside its body, in characters. */
const MESSAGE_WEIGHT = 100;

/** Markers that one `nextval` gives: those up to the next one. The sequence's step. */
const MARKER_BLOCK = 1024;

/**
 * Order is fixed under the queues' advisory locks, which last until commit: whoever reads past a marker has seen all before it. They are
 * taken in the order given, ascending, so that no two statements deadlock; all of them before the first marker is drawn, from one sequence.
 * Markers are drawn in blocks, so that the caller knows each message's by its place and no row has to come back.
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
        FROM unnest($1::bigint[]) WITH ORDINALITY AS w(id, n) LEFT JOIN LATERAL (
          SELECT q.id FROM pool_queues q WHERE q.id = w.id AND q.epoch = ($2::bigint[])[w.n] AND q.state = 'live' LIMIT 1
        ) AS q ON true
        ORDER BY w.n
      ) AS w
    ),
    drawn AS MATERIALIZED (
      SELECT array_agg(nextval('message_marker')) AS blocks FROM entered, generate_series(1, cardinality($5::text[]), ${MARKER_BLOCK})
    ),
    posted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, ttl_seconds, client_id, body)
      SELECT e.ids[($4::int[])[b.n]], d.blocks[1 + (b.n - 1) / ${MARKER_BLOCK}] + (b.n - 1) % ${MARKER_BLOCK},
        e.now, e.now + ($6::bigint[])[b.n] * interval '1 second',
        CASE WHEN ($7::bigint[])[b.n] > 0 THEN e.now + ($7::bigint[])[b.n] * interval '1 second' END, ($6::bigint[])[b.n],
        ($9::text[])[($8::int[])[b.n]], b.body
      FROM entered e, drawn d, unnest($5::text[]) WITH ORDINALITY AS b(body, n)
      WHERE e.ids[($4::int[])[b.n]] <> 0${
        keyed
          ? `
      RETURNING queue_id, marker
    ),
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT p.queue_id, $11, $12, string_agg(p.marker::text, ',' ORDER BY p.marker), e.now
      FROM posted p, entered e GROUP BY p.queue_id, e.now`
          : ""
      }
    )
    SELECT array_to_string(e.ids, ',') AS fresh, array_to_string(d.blocks, ',') AS blocks FROM entered e, drawn d`,
});

const POST = postStatement(false);
const POST_KEYED = postStatement(true);

/**
 * The same for messages of one queue and one block that live and wait equally long, as most that come together do: no array of queues, and
 * fewer expressions to set up, which is what a small statement costs. Measured, it saves the server 60 µs of 190.
 */
const POST_UNIFORM: Statement = {
  name: "message_post_alike",
  text: `
    WITH entered AS MATERIALIZED (
      SELECT l.id, nextval('message_marker') AS block, clock_timestamp() + make_interval(secs => $9::float8) AS now
      FROM (
        SELECT q.id, pg_advisory_xact_lock($3::bigint + q.id) AS locked FROM pool_queues q
        WHERE q.id = $1 AND q.epoch = $2 AND q.state = 'live' OFFSET 0
      ) AS l
    ),
    posted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, ttl_seconds, client_id, body)
      SELECT e.id, e.block + b.n - 1, e.now, e.now + $5::bigint * interval '1 second',
        CASE WHEN $6::bigint > 0 THEN e.now + $6::bigint * interval '1 second' END, $5,
        ($8::text[])[($7::int[])[b.n]], b.body
      FROM entered e, unnest($4::text[]) WITH ORDINALITY AS b(body, n)
    )
    SELECT e.id::text AS fresh, e.block::text AS blocks FROM entered e`,
};

const PRIOR_POST: Statement = {
  name: "message_post_prior",
  text: "SELECT request, result FROM idempotency_keys WHERE queue_id = $1 AND key = $2",
};

interface PostRequest {
  row: QueueRow;
  messages: readonly NewMessage[];
  clientId: string | null;
}

/** Appends messages to queues; posts that are in flight together share a statement. */
export class MessageInserter {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #counts: Counters;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #arrivals: Arrivals;
  readonly #pipeline: BatchExecutor<PostRequest, string[] | typeof STALE>;

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#arrivals = parts.arrivals;
    this.#pipeline = new BatchExecutor({
      ...POST_LIMITS,
      partitionKey: ({ row }) => row.id,
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
    return readPosted(await this.#statements.write<PostedRow>(...this.#statementOf(columnsOf(batch))), batch);
  }

  /** The unique key makes the statement fail, and change nothing, when another call with it has committed in between. */
  async #postOnce(
    row: QueueRow,
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
        const values = [...this.#mixed(columnsOf(batch)), key, request];
        const [posted] = readPosted(await this.#statements.write<PostedRow>(POST_KEYED, values), batch);
        if (posted !== undefined && posted !== STALE) this.#counts.add(row.id, "posted", posted.length);
        return posted ?? STALE;
      } catch (error) {
        if (attempt > 0 || !isUniqueViolation(error)) throw error;
      }
    }
  }

  #statementOf(columns: Columns): [Statement, unknown[]] {
    const { rows, bodies, ttls, delays, clients, clientIds } = columns;
    const [row, another] = rows;
    if (row === undefined || another !== undefined || bodies.length > MARKER_BLOCK || !alike(ttls) || !alike(delays)) {
      return [POST, this.#mixed(columns)];
    }
    const values = [
      row.id,
      row.epoch,
      this.#statements.lockSpace,
      textArray(bodies),
      ttls[0],
      delays[0],
      int4Array(clients),
      textArray(clientIds),
      this.#clock.offsetMs / 1000,
    ];
    return [POST_UNIFORM, values];
  }

  #mixed({ rows, queues, bodies, ttls, delays, clients, clientIds }: Columns): unknown[] {
    return [
      int8Array(rows.map((row) => row.id)),
      int8Array(rows.map((row) => row.epoch)),
      this.#statements.lockSpace,
      int4Array(queues),
      textArray(bodies),
      int8Array(ttls),
      int8Array(delays),
      int4Array(clients),
      textArray(clientIds),
      this.#clock.offsetMs / 1000,
    ];
  }
}

/** A batch's messages, column by column; queues and clients by their place, from 1. */
interface Columns {
  /** Ascending, as their locks are taken. */
  rows: QueueRow[];
  queues: number[];
  bodies: string[];
  ttls: number[];
  delays: number[];
  clients: number[];
  clientIds: (string | null)[];
}

function columnsOf(batch: readonly PostRequest[]): Columns {
  const rows = [...new Map(batch.map(({ row }) => [`${row.id} ${row.epoch}`, row])).values()].sort((a, b) =>
    byNumber(a.id, b.id),
  );
  const places = new Map(rows.map((row, index) => [`${row.id} ${row.epoch}`, index + 1]));
  const clientIds = [...new Set(batch.map(({ clientId }) => clientId))];
  const clientPlaces = new Map(clientIds.map((clientId, index) => [clientId, index + 1]));
  const columns: Columns = { rows, queues: [], bodies: [], ttls: [], delays: [], clients: [], clientIds };
  for (const { row, messages, clientId } of batch) {
    const place = places.get(`${row.id} ${row.epoch}`) as number;
    const client = clientPlaces.get(clientId) as number;
    for (const message of messages) {
      columns.queues.push(place);
      columns.bodies.push(message.bodyText);
      columns.ttls.push(message.ttlSeconds);
      columns.delays.push(message.delaySeconds);
      columns.clients.push(client);
    }
  }
  return columns;
}

interface PostedRow {
  /** Ids of the queues that took their messages, 0 for the others. Of one that is gone alone there may be no row. */
  fresh: string;
  /** The first marker of each block. */
  blocks: string;
}

/** A queue's row never changes its epoch (a new life is a new row), so a queue that took anything took all that was meant for it. */
function readPosted([posted]: readonly PostedRow[], batch: readonly PostRequest[]): (string[] | typeof STALE)[] {
  if (posted === undefined) return batch.map(() => STALE);
  const fresh = new Set(posted.fresh.split(","));
  const blocks = posted.blocks.split(",");
  let place = 0;
  return batch.map(({ row, messages }) => {
    const markers = messages.map(() => {
      const block = blocks[Math.floor(place / MARKER_BLOCK)] as string;
      const marker = plus(block, place % MARKER_BLOCK);
      place += 1;
      return marker;
    });
    return fresh.has(row.id) ? markers : STALE;
  });
}

/** Digits of a bigint plus a small number; nearly always JavaScript's numbers hold the sum. */
function plus(digits: string, more: number): string {
  const sum = Number(digits) + more;
  return Number.isSafeInteger(sum) ? String(sum) : String(BigInt(digits) + BigInt(more));
}

function weightOf(messages: readonly NewMessage[]): number {
  let weight = 0;
  for (const message of messages) weight += message.bodyText.length + MESSAGE_WEIGHT;
  return weight;
}
