import type { QueueRef } from "../../queue-ref.ts";
import type {
  MovedClaim,
  MovedKey,
  MovedMessage,
  MovedRest,
  MovedState,
  QueueLife,
  QueueTransfer,
} from "../../queue-transfer.ts";
import { liftMarkers } from "../messages/marker-sequence.ts";
import type { Pool } from "../pool.ts";
import { staleEpoch } from "../queue-rows.ts";
import { withBriefLocks } from "../sql/lock-timeout.ts";
import { clockCte, type Statement } from "../sql/statements.ts";

const TARGET = `target AS MATERIALIZED (
      SELECT q.id FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state = 'arriving'
    )`;

/** From so many milliseconds ago, or until in so many. */
const ago = (column: string) => `clock.now - ${column} * interval '1 millisecond'`;
const ahead = (column: string) => `clock.now + ${column} * interval '1 millisecond'`;

const ADD_MESSAGES: Statement = {
  name: "queue_move_add",
  text: `
    WITH ${clockCte(4)}, ${TARGET},
    added AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, claim_expires_at, ttl_seconds, claim_count, claim_id, origin_id, client_id, body)
      SELECT t.id, b.marker, ${ago("b.age")}, ${ahead("b.remaining")}, ${ahead("b.delay")}, ${ahead("b.claim_remaining")}, b.ttl, b.count, b.claim, b.origin, b.client, b.body
      FROM target t, clock, unnest($5::bigint[], $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::bigint[], $11::int[], $12::uuid[], $13::uuid[], $14::text[], $15::text[])
        AS b(marker, age, remaining, delay, claim_remaining, ttl, count, claim, origin, client, body)
      ON CONFLICT (queue_id, marker) DO NOTHING
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM target) AS target, (SELECT count(*)::int FROM added) AS grown`,
};

const CHANGE_MESSAGES: Statement = {
  name: "queue_move_change",
  text: `
    WITH ${clockCte(4)}, ${TARGET},
    there AS MATERIALIZED (
      SELECT m.place, b.* FROM target t
      CROSS JOIN unnest($5::bigint[], $6::float8[], $7::float8[], $8::float8[], $9::bigint[], $10::int[], $11::uuid[])
        AS b(marker, remaining, delay, claim_remaining, ttl, count, claim)
      CROSS JOIN LATERAL (SELECT m.ctid AS place FROM messages m WHERE m.queue_id = t.id AND m.marker = b.marker LIMIT 1) AS m
    ),
    changed AS (
      UPDATE messages m SET expires_at = ${ahead("b.remaining")}, available_at = ${ahead("b.delay")}, claim_expires_at = ${ahead("b.claim_remaining")},
        ttl_seconds = b.ttl, claim_count = b.count, claim_id = b.claim
      FROM there b, clock WHERE m.ctid = b.place
    ),
    gone AS (
      DELETE FROM messages m WHERE m.queue_id = (SELECT t.id FROM target t) AND m.marker = ANY ($12::bigint[])
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM target) AS target, -(SELECT count(*)::int FROM gone) AS grown`,
};

const ADD_CLAIMS: Statement = {
  name: "queue_move_add_claims",
  text: `
    WITH ${clockCte(4)}, ${TARGET},
    added AS (
      INSERT INTO claims (id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT b.id, t.id, b.client, b.actor, ${ago("b.age")}, ${ago("b.renewal")}, ${ahead("b.remaining")}, b.ttl, b.grace, b.markers::bigint[]
      FROM target t, clock, unnest($5::uuid[], $6::text[], $7::text[], $8::float8[], $9::float8[], $10::float8[], $11::bigint[], $12::bigint[], $13::text[])
        AS b(id, client, actor, age, renewal, remaining, ttl, grace, markers)
      ON CONFLICT (queue_id, id) DO UPDATE SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at,
        ttl_seconds = excluded.ttl_seconds, grace_seconds = excluded.grace_seconds
    )
    SELECT (SELECT count(*)::int FROM target) AS target, 0 AS grown`,
};

const ADD_KEYS: Statement = {
  name: "queue_move_add_keys",
  text: `
    WITH ${clockCte(4)}, ${TARGET},
    added AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT t.id, b.key, b.request, b.result, ${ago("b.age")}
      FROM target t, clock, unnest($5::text[], $6::text[], $7::text[], $8::float8[]) AS b(key, request, result, age)
      ON CONFLICT (queue_id, key) DO UPDATE SET request = excluded.request, result = excluded.result, created_at = excluded.created_at
    )
    SELECT (SELECT count(*)::int FROM target) AS target, 0 AS grown`,
};

const ADD_SUBSCRIPTIONS = `
  WITH ${clockCte(3)}
  INSERT INTO subscriptions (id, project, queue, subscriber, ttl_seconds, options, confirmed, created_at, renewed_at, expires_at)
  SELECT b.id, $1, $2, b.subscriber, b.ttl, b.options, b.confirmed, ${ago("b.age")}, ${ago("b.renewal")}, ${ahead("b.remaining")}
  FROM clock, unnest($4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::boolean[], $9::float8[], $10::float8[], $11::float8[])
    AS b(id, subscriber, ttl, options, confirmed, age, renewal, remaining)`;

/**
 * What was purged before the move did not come along, and what was purged during it is not to be undone: gc may free all below the mark.
 * As everywhere, a queue with messages whose ids are not their markers says so.
 */
const BEGIN_TO_LIVE = `
  WITH ${clockCte(3)}
  UPDATE pool_queues q SET state = 'live', low_water = $2, undo_low_water = CASE WHEN $2::bigint > 0 THEN $2::bigint END,
    purged_at = CASE WHEN $2::bigint > 0 THEN clock.now END,
    holds_moved = EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id AND m.origin_id IS NOT NULL)
  FROM clock WHERE q.id = $1`;

/** Claims that ended while they were on their way. Nobody sees them, but statistics of long queues would count them until they expire. */
const END_EMPTY_CLAIMS: Statement = {
  name: "queue_move_empty_claims",
  text: `
    DELETE FROM claims c WHERE c.queue_id = $1 AND NOT EXISTS (
      SELECT 1 FROM unnest(c.markers) AS t(marker) CROSS JOIN LATERAL (
        SELECT 1 FROM messages m WHERE m.queue_id = c.queue_id AND m.marker = t.marker AND m.claim_id = c.id LIMIT 1
      ) AS m
    )`,
};

const END_EARLIER_LIVES = `
  WITH ${clockCte(4)}
  UPDATE pool_queues q SET state = 'detached', detached_at = clock.now FROM clock
  WHERE q.project = $1 AND q.name = $2 AND q.epoch < $3 AND q.state IN ('live', 'moving', 'moved', 'arriving')`;

const ABANDON: Statement = {
  name: "queue_move_abandon",
  text: `
    WITH ${clockCte(4)},
    was AS MATERIALIZED (
      SELECT q.id, q.state FROM pool_queues q
      WHERE q.project = $1 AND q.name = $2 AND q.epoch <= $3 AND q.state IN ('arriving', 'live') FOR UPDATE
    ),
    ended AS (
      UPDATE pool_queues q SET state = 'detached', detached_at = clock.now FROM was, clock WHERE q.id = was.id
    )
    DELETE FROM subscriptions s USING was WHERE was.state = 'live' AND s.project = $1 AND s.queue = $2`,
};

/** A row that has ended but is frozen holds only a deleted queue's subscriptions. */
const OPEN_EPOCH: Statement = {
  name: "queue_move_open_epoch",
  text: `
    SELECT q.epoch::float8 AS epoch FROM pool_queues q
    WHERE q.project = $1 AND q.name = $2 AND q.state IN ('live', 'moving') AND q.detached_at IS NULL`,
};

type Entries = Pick<
  QueueTransfer,
  "prepare" | "writeMessages" | "writeClaims" | "writeKeys" | "open" | "abandon" | "openEpoch"
>;

/** The half of a move where the queue goes. See QueueTransfer. */
export class MoveTarget implements Entries {
  readonly #parts: Pool;

  constructor(parts: Pool) {
    this.#parts = parts;
  }

  async prepare({ queue }: { queue: QueueLife }): Promise<void> {
    const { project, name, epoch } = queue;
    await withBriefLocks(this.#parts.statements, async (transaction) => {
      const later = await transaction.query(
        `SELECT 1 FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.epoch >= $3 AND q.state IN ('live', 'moving')`,
        [project, name, epoch],
      );
      if (later.rows.length > 0) throw staleEpoch(queue);
      await transaction.query(
        `UPDATE pool_queues q SET state = 'detached', detached_at = clock_timestamp() + make_interval(secs => $4)
         WHERE q.project = $1 AND q.name = $2 AND q.epoch < $3 AND q.state = 'arriving'`,
        [project, name, epoch, this.#offset()],
      );
      await transaction.query(
        `INSERT INTO pool_queues (project, name, epoch, state)
         SELECT $1, $2, $3, 'arriving' WHERE NOT EXISTS (
           SELECT 1 FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state = 'arriving')`,
        [project, name, epoch],
      );
    });
  }

  async writeMessages(params: {
    queue: QueueLife;
    messages: readonly MovedMessage[];
    changed: readonly MovedState[];
    gone: readonly string[];
  }): Promise<number> {
    const { queue, messages, changed, gone } = params;
    const { ids } = this.#parts;
    let grown = 0;
    if (messages.length > 0) {
      grown += await this.#write(ADD_MESSAGES, queue, [
        messages.map(({ marker }) => marker),
        messages.map(({ ageMs }) => ageMs),
        messages.map(({ remainingMs }) => remainingMs),
        messages.map(({ delayMs }) => delayMs),
        messages.map(({ claimRemainingMs }) => claimRemainingMs),
        messages.map(({ ttlSeconds }) => ttlSeconds),
        messages.map(({ claimCount }) => claimCount),
        messages.map(({ claimId }) => claimId),
        // One that comes back to where it was made needs no column for its id.
        messages.map(({ id, marker }) => (ids.idOf(marker) === id ? null : id)),
        messages.map(({ clientId }) => clientId),
        messages.map(({ bodyText }) => bodyText),
      ]);
    }
    if (changed.length > 0 || gone.length > 0) {
      grown += await this.#write(CHANGE_MESSAGES, queue, [
        changed.map(({ marker }) => marker),
        changed.map(({ remainingMs }) => remainingMs),
        changed.map(({ delayMs }) => delayMs),
        changed.map(({ claimRemainingMs }) => claimRemainingMs),
        changed.map(({ ttlSeconds }) => ttlSeconds),
        changed.map(({ claimCount }) => claimCount),
        changed.map(({ claimId }) => claimId),
        gone,
      ]);
    }
    return grown;
  }

  async writeClaims({ queue, claims }: { queue: QueueLife; claims: readonly MovedClaim[] }): Promise<void> {
    await this.#write(ADD_CLAIMS, queue, [
      claims.map(({ id }) => id),
      claims.map(({ clientId }) => clientId),
      claims.map(({ actor }) => actor),
      claims.map(({ ageMs }) => ageMs),
      claims.map(({ sinceRenewalMs }) => sinceRenewalMs),
      claims.map(({ remainingMs }) => remainingMs),
      claims.map(({ ttlSeconds }) => ttlSeconds),
      claims.map(({ graceSeconds }) => graceSeconds),
      claims.map(({ markers }) => `{${markers.join(",")}}`),
    ]);
  }

  async writeKeys({ queue, keys }: { queue: QueueLife; keys: readonly MovedKey[] }): Promise<void> {
    await this.#write(ADD_KEYS, queue, [
      keys.map(({ key }) => key),
      keys.map(({ request }) => request),
      keys.map(({ result }) => result),
      keys.map(({ ageMs }) => ageMs),
    ]);
  }

  async open({ queue, rest }: { queue: QueueLife; rest: MovedRest }): Promise<void> {
    const { project, name, epoch } = queue;
    const { counts, subscriptions } = rest;
    await liftMarkers(this.#parts.statements, rest.highestMarker);
    const id = await withBriefLocks(this.#parts.statements, async (transaction) => {
      const found = await transaction.query<{ id: string }>(
        `SELECT q.id::text FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state = 'arriving' FOR UPDATE`,
        [project, name, epoch],
      );
      const row = found.rows[0];
      if (row === undefined) throw staleEpoch(queue);
      // Left there by a life that ended when the catalogue was mended by hand.
      await transaction.query("DELETE FROM subscriptions WHERE project = $1 AND queue = $2", [project, name]);
      await transaction.query(ADD_SUBSCRIPTIONS, [
        project,
        name,
        this.#offset(),
        subscriptions.map(({ id }) => id),
        subscriptions.map(({ subscriber }) => subscriber),
        subscriptions.map(({ ttlSeconds }) => ttlSeconds),
        subscriptions.map(({ optionsText }) => optionsText),
        subscriptions.map(({ confirmed }) => confirmed),
        subscriptions.map(({ ageMs }) => ageMs),
        subscriptions.map(({ sinceRenewalMs }) => sinceRenewalMs),
        subscriptions.map(({ remainingMs }) => remainingMs),
      ]);
      await transaction.query(
        "INSERT INTO queue_counts (queue_id, posted, claimed, deleted, expired) VALUES ($1, $2, $3, $4, $5)",
        [row.id, counts.posted, counts.claimed, counts.deleted, counts.expired],
      );
      await transaction.query(END_EARLIER_LIVES, [project, name, epoch, this.#offset()]);
      await transaction.query(BEGIN_TO_LIVE, [row.id, rest.lowWater, this.#offset()]);
      return row.id;
    });
    this.#parts.queues.forget(queue);
    // Beside what waits for the queue; what is left expires.
    void this.#parts.statements.write(END_EMPTY_CLAIMS, [id]).catch(() => undefined);
  }

  async abandon({ queue }: { queue: QueueLife }): Promise<void> {
    await this.#parts.statements.write(ABANDON, [queue.project, queue.name, queue.epoch, this.#offset()]);
    this.#parts.queues.forget(queue);
  }

  async openEpoch({ queue }: { queue: QueueRef }): Promise<number | null> {
    const [row] = await this.#parts.statements.read<{ epoch: number }>(OPEN_EPOCH, [queue.project, queue.name]);
    return row?.epoch ?? null;
  }

  async #write(statement: Statement, queue: QueueLife, values: readonly unknown[]): Promise<number> {
    const [result] = await this.#parts.statements.write<{ target: number; grown: number }>(statement, [
      queue.project,
      queue.name,
      queue.epoch,
      this.#offset(),
      ...values,
    ]);
    if (result === undefined || result.target === 0) throw staleEpoch(queue);
    return result.grown;
  }

  #offset(): number {
    return this.#parts.clock.offsetMs / 1000;
  }
}
