import {
  type CountedQueue,
  carriedBytes,
  type DeleteOutcome,
  type Message,
  type MessageController,
  type NewMessage,
  type QueueStats,
} from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { Page } from "../../list-pages.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Arrivals } from "../arrivals.ts";
import type { LowWater } from "../low-water.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, type QueueRows, STALE } from "../queue-rows.ts";
import { isUniqueViolation } from "../sql/connection.ts";
import { allOrNothing, allThatFit, clockCte, type Statement, type Statements } from "../sql/statements.ts";
import type { ByteBounds } from "./byte-bounds.ts";
import type { Counters } from "./counters.ts";
import { MessageDeleter } from "./delete.ts";
import type { ExhaustedFronts } from "./exhausted-fronts.ts";
import type { MessageIds } from "./ids.ts";
import { MessageInserter } from "./insert.ts";
import { MessageReads } from "./list.ts";
import { ALIVE, DUE, deliverable, FREE, MESSAGE_COLUMNS, type MessageRow, readMessage } from "./rows.ts";
import { QueueStatistics } from "./statistics.ts";

const POP: Statement = {
  name: "message_pop",
  text: `
    WITH ${clockCte(4)},
    queue AS MATERIALIZED (
      SELECT q.id, greatest(q.low_water, $5::bigint) AS floor FROM pool_queues q WHERE q.id = $1 AND q.epoch = $2 AND q.state = 'live'
    ),
    picked AS MATERIALIZED (
      SELECT p.place, sum(p.size) OVER r <= $6::bigint OR row_number() OVER r = 1 AS fits FROM (
        SELECT m.ctid AS place, octet_length(m.body) AS size FROM messages m, clock
        WHERE m.queue_id = $1 AND m.marker > (SELECT floor FROM queue) AND ${ALIVE} AND ${DUE} AND ${FREE} AND ${deliverable("$7::bigint")}
        ORDER BY m.marker LIMIT $3 FOR UPDATE OF m SKIP LOCKED
      ) AS p WINDOW r AS (ROWS UNBOUNDED PRECEDING)
    ),
    popped AS (
      DELETE FROM messages m USING clock WHERE m.ctid = ANY (ARRAY(SELECT p.place FROM picked p WHERE p.fits))
      RETURNING m.marker AS place, ${MESSAGE_COLUMNS}
    )
    SELECT p.*, ${allThatFit("popped", "picked")}
    FROM queue q LEFT JOIN popped p ON true ORDER BY p.place`,
};

/** Takes one queue's write lock, as posts do, and gives its row; none when it is gone or has another epoch. */
const enterCte = (id: string, epoch: string, lockSpace: string) =>
  `SELECT q.id, pg_advisory_xact_lock(${lockSpace}::bigint + q.id) FROM pool_queues q
   WHERE q.id = ${id} AND q.epoch = ${epoch} AND q.state = 'live'`;

/** A queue that has taken in messages from elsewhere says so for ever: their ids are not their markers. Its row changes once. */
const holdsMovedCte = (id: string) =>
  `marked AS (UPDATE pool_queues q SET holds_moved = true WHERE q.id = ${id} AND NOT q.holds_moved)`;

const purgeStatement = (keyed: boolean): Statement => ({
  name: keyed ? "queue_purge_keyed" : "queue_purge",
  text: `
    WITH entered AS MATERIALIZED (${enterCte("$1", "$2", keyed ? "$6" : "$4")}),
    ${clockCte(3, "entered")},
    forgotten AS (DELETE FROM queue_counts c USING entered e WHERE c.queue_id = e.id)${
      keyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT e.id, $4, $5, '', clock.now FROM entered e, clock
    )`
        : ""
    }
    UPDATE pool_queues q SET undo_low_water = q.low_water, low_water = nextval('message_marker'), purged_at = clock.now
    FROM entered e, clock WHERE q.id = e.id
    RETURNING q.id::text`,
});

const PURGE = purgeStatement(false);
const PURGE_KEYED = purgeStatement(true);

const PRIOR_REQUEST: Statement = {
  name: "idempotency_prior",
  text: "SELECT request FROM idempotency_keys WHERE queue_id = $1 AND key = $2",
};

/** The order: the target queue's lock, then the rows, as everybody who takes both. */
const TRANSFER: Statement = {
  name: "message_transfer",
  text: `
    WITH target AS MATERIALIZED (${enterCte("$3", "$4", "$10")}),
    ${clockCte(8, "target")},
    source AS MATERIALIZED (SELECT q.id, q.low_water FROM pool_queues q WHERE q.id = $1 AND q.epoch = $2 AND q.state = 'live'),
    held AS MATERIALIZED (
      SELECT m.place, m.marker, w.id
      FROM source s CROSS JOIN clock CROSS JOIN (
        SELECT w.id, coalesce((SELECT o.marker FROM messages o WHERE o.queue_id = $1 AND o.origin_id = w.id), w.marker) AS marker
        FROM unnest($5::uuid[], $6::bigint[]) AS w(id, marker) ORDER BY 2 OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS place, m.marker FROM messages m
        WHERE m.queue_id = $1 AND m.marker = w.marker AND m.marker > s.low_water AND (m.origin_id IS NULL OR m.origin_id = w.id)
          AND m.claim_id = $7 AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.place, o.id
      FROM target t, (SELECT * FROM held ORDER BY marker) AS o
    ),
    moved AS (
      UPDATE messages m SET queue_id = $3, marker = n.marker, origin_id = n.id, created_at = clock.now,
        expires_at = CASE WHEN $9::bigint IS NULL THEN m.expires_at ELSE clock.now + make_interval(secs => $9) END,
        ttl_seconds = coalesce($9, m.ttl_seconds), claim_id = NULL, claim_expires_at = NULL, claim_count = 0, available_at = NULL
      FROM numbered n, clock WHERE m.ctid = n.place
      RETURNING 1
    ),
    ${holdsMovedCte("$3")}
    SELECT (SELECT count(*)::int FROM source) AS source, (SELECT count(*)::int FROM target) AS target,
      (SELECT count(*)::int FROM moved) AS moved, ${allOrNothing("SELECT count(*) FROM moved", "SELECT count(*) FROM numbered")}`,
};

const ADOPT: Statement = {
  name: "message_adopt",
  text: `
    WITH entered AS MATERIALIZED (${enterCte("$1", "$2", "$9")}),
    ${clockCte(7, "entered")},
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.*
      FROM entered e, (SELECT * FROM unnest($3::uuid[], $4::text[], $5::float8[], $6::bigint[], $8::text[])
        WITH ORDINALITY AS o(id, body, remaining, ttl, client, n) ORDER BY n) AS o
    ),
    adopted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, ttl_seconds, client_id, body, origin_id)
      SELECT $1, b.marker, clock.now, clock.now + make_interval(secs => b.remaining), b.ttl, b.client, b.body, b.id
      FROM numbered b, clock
      ON CONFLICT (queue_id, origin_id) WHERE origin_id IS NOT NULL DO NOTHING
      RETURNING 1
    ),
    ${holdsMovedCte("$1")}
    SELECT (SELECT count(*)::int FROM entered) AS entered, (SELECT count(*)::int FROM adopted) AS adopted`,
};

/** Messages on PostgreSQL. */
export class PostgresMessages implements MessageController {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #counts: Counters;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };
  readonly #arrivals: Arrivals;
  readonly #floors: LowWater;
  readonly #fronts: ExhaustedFronts;
  readonly #bounds: ByteBounds;
  readonly #posts: MessageInserter;
  readonly #deletes: MessageDeleter;
  readonly #reads: MessageReads;
  readonly #statistics: QueueStatistics;

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#arrivals = parts.arrivals;
    this.#floors = parts.floors;
    this.#fronts = parts.fronts;
    this.#bounds = parts.bounds;
    this.#posts = new MessageInserter(parts);
    this.#deletes = new MessageDeleter(parts);
    this.#reads = new MessageReads(parts);
    this.#statistics = new QueueStatistics(parts);
  }

  post(params: {
    queue: QueueRef;
    messages: readonly NewMessage[];
    clientId: string | null;
    idempotencyKey?: string;
  }): Promise<{ ids: string[] }> {
    return this.#posts.post(params);
  }

  list(params: Parameters<MessageController["list"]>[0]): Promise<Page<Message>> {
    return this.#reads.list(params);
  }

  get(params: { queue: QueueRef; id: string }): Promise<Message> {
    return this.#reads.get(params);
  }

  bulkGet(params: { queue: QueueRef; ids: readonly string[]; maxBytes?: number }): Promise<Message[]> {
    return this.#reads.bulkGet(params);
  }

  first(params: { queue: QueueRef; sort: 1 | -1 }): Promise<Message> {
    return this.#reads.first(params);
  }

  pop(params: {
    queue: QueueRef;
    limit: number;
    maxBytes?: number;
    exhaustedFrom?: number | null;
  }): Promise<Message[]> {
    const { exhaustedFrom = null } = params;
    const maxBytes = carriedBytes(params.maxBytes);
    return this.#queues.with(params.queue, async (row) => {
      const from = this.#fronts.startOf(row, exhaustedFrom);
      const limit = await this.#bounds.fitting(row, params.limit, maxBytes, { from, exhaustedFrom });
      const values = [row.id, row.epoch, limit, this.#offset(), from, maxBytes, exhaustedFrom];
      const rows = await this.#statements.write<NullableMessageRow & { locked: number }>(POP, values);
      const [first] = rows;
      if (first === undefined) return STALE;
      const popped = this.#messages(rows);
      this.#bounds.learn(row, first.locked, popped.length);
      this.#counts.add(row.id, "deleted", popped.length);
      this.#floors.refresh(row, popped.length);
      this.#fronts.refresh(row, exhaustedFrom);
      return popped;
    });
  }

  delete(params: { queue: QueueRef; id: string; claimId?: string }): Promise<DeleteOutcome> {
    return this.#deletes.deleteOne(params);
  }

  bulkDelete(params: { queue: QueueRef; ids: readonly string[]; claimIds?: readonly string[] }): Promise<number> {
    return this.#deletes.deleteMany(params);
  }

  async purge(params: { queue: QueueRef; idempotencyKey?: string }): Promise<void> {
    const key = params.idempotencyKey;
    await this.#queues.with(params.queue, async (row) => {
      if (key !== undefined && (await this.#wasDone(row, key))) return;
      try {
        const values = [row.id, row.epoch, this.#offset()];
        const space = this.#statements.lockSpace;
        const rows =
          key === undefined
            ? await this.#statements.write(PURGE, [...values, space])
            : await this.#statements.write(PURGE_KEYED, [...values, key, PURGE_DIGEST, space]);
        if (rows.length === 0) return STALE;
      } catch (error) {
        if (key === undefined || !isUniqueViolation(error) || !(await this.#wasDone(row, key))) throw error;
      }
      this.#counts.drop(row.id);
      return undefined;
    });
  }

  async #wasDone(row: QueueRow, key: string): Promise<boolean> {
    const [prior] = await this.#statements.read<{ request: string }>(PRIOR_REQUEST, [row.id, key]);
    if (prior !== undefined && prior.request !== PURGE_DIGEST) throw keyReused(key);
    return prior !== undefined;
  }

  stats(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    return this.#statistics.of(queues);
  }

  async transfer(params: {
    from: QueueRef;
    to: QueueRef;
    ids: readonly string[];
    claimId: string;
    ttlSeconds: number | null;
  }): Promise<number> {
    const ids = [...new Set(validUuids(params.ids))];
    const claimId = normaliseUuid(params.claimId);
    if (ids.length === 0 || claimId === null) return 0;
    return this.#queues.with(params.from, (from) =>
      this.#queues.with(params.to, async (to) => {
        const [result] = await this.#statements.write<{ source: number; target: number; moved: number }>(TRANSFER, [
          from.id,
          from.epoch,
          to.id,
          to.epoch,
          ids,
          ids.map((id) => this.#ids.markerOf(id)),
          claimId,
          this.#offset(),
          params.ttlSeconds,
          this.#statements.lockSpace,
        ]);
        if (result === undefined || result.source === 0 || result.target === 0) return STALE;
        this.#counts.add(from.id, "deleted", result.moved);
        this.#counts.add(to.id, "posted", result.moved);
        this.#arrivals.tell(params.to, result.moved);
        return result.moved;
      }),
    );
  }

  async adopt(params: { queue: QueueRef; messages: readonly Message[]; ttlSeconds: number | null }): Promise<void> {
    const { messages, ttlSeconds } = params;
    await this.#queues.with(params.queue, async (row) => {
      const [result] = await this.#statements.write<{ entered: number; adopted: number }>(ADOPT, [
        row.id,
        row.epoch,
        messages.map((message) => message.id),
        messages.map((message) => message.bodyText),
        messages.map((message) => ttlSeconds ?? remainingSeconds(message)),
        messages.map((message) => ttlSeconds ?? message.ttlSeconds),
        this.#offset(),
        messages.map((message) => message.clientId),
        this.#statements.lockSpace,
      ]);
      if (result === undefined || result.entered === 0) return STALE;
      this.#counts.add(row.id, "posted", result.adopted);
      this.#arrivals.tell(params.queue, result.adopted);
      return undefined;
    });
  }

  #messages(rows: readonly NullableMessageRow[]): Message[] {
    const found = rows.filter((row): row is MessageRow => row.marker !== null);
    return found.map((row) => readMessage(row, this.#ids));
  }

  #offset(): number {
    return this.#clock.offsetMs / 1000;
  }
}

type NullableMessageRow = MessageRow | { marker: null };

const PURGE_DIGEST = digest(["purge"]);

/** Seconds that the message has left, by its own store's clock. */
function remainingSeconds(message: Message): number {
  const now = message.createdAt.getTime() + message.ageSeconds * 1000;
  return Math.max(0, (message.expiresAt.getTime() - now) / 1000);
}
