/** The half of a move in the store that the queue goes to. See QueueTransfer. */

import { staleEpoch } from "../../errors/storage-errors.ts";
import { headersText } from "../../messages/message-headers.ts";
import type { MovedState, QueueLife, QueueTransfer } from "../../moves/queue-transfer.ts";
import { HOLDS_NOTHING } from "../claims/rows.ts";
import { IS_POP } from "../idempotency.ts";
import { keepLives } from "../lives/lives.ts";
import { counted } from "../messages/kept-pops.ts";
import { liftMarkers } from "../messages/marker-sequence.ts";
import { deadLetteredText } from "../messages/rows.ts";
import { addTotals, TALLIES, talliesOf } from "../messages/totals.ts";
import type { Pool } from "../pool.ts";
import { boolArray, float8Array, int4Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { CLOCK, NOW } from "../sql/fragments.ts";
import { withLockTimeout } from "../sql/lock-timeout.ts";
import { int8, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

const QUEUE = { project: text, name: text } as const;
const LIFE = { ...QUEUE, epoch: int8 } as const;
const LIFE_IS = "q.project = :project AND q.name = :name AND q.epoch = :epoch";

const TARGET = `target AS MATERIALIZED (SELECT q.id FROM pool_queues q WHERE ${LIFE_IS} AND q.state = 'arriving')`;

/** `target` 0: the queue no longer arrives here. `grown`: by how many messages it has more. */
interface WriteRow {
  target: number;
  grown: number;
}

/** A number of milliseconds ago, and in as many from now. */
const ago = (column: string) => `clock.now - ${column} * interval '1 millisecond'`;
const ahead = (column: string) => `clock.now + ${column} * interval '1 millisecond'`;

const ADD_MESSAGES = statement({
  name: "queue_move_add",
  parameters: {
    ...LIFE,
    markers: int8Array,
    agesMs: float8Array,
    remainingMs: float8Array,
    delaysMs: float8Array,
    claimRemainingMs: float8Array,
    ttlSeconds: int8Array,
    claimCounts: int4Array,
    claimIds: uuidArray,
    originIds: uuidArray,
    clientIds: textArray,
    bodies: textArray,
    headers: textArray,
    deadLettered: textArray,
    lastHolders: textArray,
    lastDeliveries: uuidArray,
  },
  row: rowOf<WriteRow>(),
  text: `
    WITH ${CLOCK}, ${TARGET},
    added AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, claim_expires_at, ttl_seconds,
        claim_count, claim_id, origin_id, client_id, body, headers, dead_lettered, last_holder, last_delivery)
      SELECT t.id, b.marker, ${ago("b.age")}, ${ahead("b.remaining")}, ${ahead("b.delay")},
        ${ahead("b.claim_remaining")}, b.ttl, b.count, b.claim, b.origin, b.client, b.body, b.headers, b.dead_lettered, b.holder,
        b.delivery
      FROM target t, clock, unnest(:markers::bigint[], :agesMs::float8[], :remainingMs::float8[], :delaysMs::float8[],
          :claimRemainingMs::float8[], :ttlSeconds::bigint[], :claimCounts::int[], :claimIds::uuid[],
          :originIds::uuid[], :clientIds::text[], :bodies::text[], :headers::text[], :deadLettered::text[],
          :lastHolders::text[], :lastDeliveries::uuid[])
        AS b(marker, age, remaining, delay, claim_remaining, ttl, count, claim, origin, client, body, headers,
          dead_lettered, holder, delivery)
      ON CONFLICT (queue_id, marker) DO NOTHING
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM target) AS target, (SELECT count(*)::int FROM added) AS grown`,
});

const CHANGE_MESSAGES = statement({
  name: "queue_move_change",
  parameters: {
    ...LIFE,
    markers: int8Array,
    remainingMs: float8Array,
    delaysMs: float8Array,
    claimRemainingMs: float8Array,
    ttlSeconds: int8Array,
    claimCounts: int4Array,
    claimIds: uuidArray,
    lastHolders: textArray,
    lastDeliveries: uuidArray,
    gone: int8Array,
  },
  row: rowOf<WriteRow>(),
  text: `
    WITH ${CLOCK}, ${TARGET},
    found AS MATERIALIZED (
      SELECT m.tid, b.* FROM target t
      CROSS JOIN unnest(:markers::bigint[], :remainingMs::float8[], :delaysMs::float8[], :claimRemainingMs::float8[],
          :ttlSeconds::bigint[], :claimCounts::int[], :claimIds::uuid[], :lastHolders::text[], :lastDeliveries::uuid[])
        AS b(marker, remaining, delay, claim_remaining, ttl, count, claim, holder, delivery)
      CROSS JOIN LATERAL (
        SELECT m.ctid AS tid FROM messages m WHERE m.queue_id = t.id AND m.marker = b.marker LIMIT 1
      ) AS m
    ),
    changed AS (
      UPDATE messages m SET expires_at = ${ahead("b.remaining")}, available_at = ${ahead("b.delay")},
        claim_expires_at = ${ahead("b.claim_remaining")}, ttl_seconds = b.ttl, claim_count = b.count, claim_id = b.claim,
        last_holder = b.holder, last_delivery = b.delivery
      FROM found b, clock WHERE m.ctid = b.tid
    ),
    deleted AS (
      DELETE FROM messages m WHERE m.queue_id = (SELECT t.id FROM target t) AND m.marker = ANY (:gone::bigint[])
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM target) AS target, -(SELECT count(*)::int FROM deleted) AS grown`,
});

const ADD_CLAIMS = statement({
  name: "queue_move_add_claims",
  parameters: {
    ...LIFE,
    ids: uuidArray,
    clientIds: textArray,
    actors: textArray,
    agesMs: float8Array,
    sinceRenewalMs: float8Array,
    remainingMs: float8Array,
    ttlSeconds: int8Array,
    graceSeconds: int8Array,
    markerLists: textArray,
  },
  row: rowOf<WriteRow>(),
  text: `
    WITH ${CLOCK}, ${TARGET},
    added AS (
      INSERT INTO claims (
        id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT b.id, t.id, b.client, b.actor, ${ago("b.age")}, ${ago("b.renewal")}, ${ahead("b.remaining")},
        b.ttl, b.grace, b.markers::bigint[]
      FROM target t, clock, unnest(:ids::uuid[], :clientIds::text[], :actors::text[], :agesMs::float8[],
          :sinceRenewalMs::float8[], :remainingMs::float8[], :ttlSeconds::bigint[], :graceSeconds::bigint[],
          :markerLists::text[])
        AS b(id, client, actor, age, renewal, remaining, ttl, grace, markers)
      ON CONFLICT (queue_id, id) DO UPDATE SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at,
        ttl_seconds = excluded.ttl_seconds, grace_seconds = excluded.grace_seconds
    )
    SELECT (SELECT count(*)::int FROM target) AS target, 0 AS grown`,
});

const ADD_KEYS = statement({
  name: "queue_move_add_keys",
  parameters: { ...LIFE, keys: textArray, requests: textArray, results: textArray, agesMs: float8Array },
  row: rowOf<WriteRow>(),
  text: `
    WITH ${CLOCK}, ${TARGET},
    added AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT t.id, b.key, b.request, b.result, ${ago("b.age")}
      FROM target t, clock, unnest(:keys::text[], :requests::text[], :results::text[], :agesMs::float8[])
        AS b(key, request, result, age)
      ON CONFLICT (queue_id, key) DO UPDATE
        SET request = excluded.request, result = excluded.result, created_at = excluded.created_at
      RETURNING queue_id, request, created_at, octet_length(result) AS bytes
    ),
    pops AS (SELECT k.* FROM added k WHERE ${IS_POP}),
    ${counted("pops", "0")}
    SELECT (SELECT count(*)::int FROM target) AS target, 0 AS grown`,
});

const LATER_LIFE = statement({
  name: "queue_move_later_life",
  parameters: LIFE,
  text: `
    SELECT 1 FROM pool_queues q
    WHERE q.project = :project AND q.name = :name AND q.epoch >= :epoch AND q.state IN ('live', 'moving')`,
});

const DETACH_EARLIER_ATTEMPTS = statement({
  name: "queue_move_detach_earlier_attempts",
  parameters: LIFE,
  text: `
    UPDATE pool_queues q SET state = 'detached', detached_at = ${NOW}
    WHERE q.project = :project AND q.name = :name AND q.epoch < :epoch AND q.state = 'arriving'`,
});

const INSERT_ARRIVING = statement({
  name: "queue_move_insert_arriving",
  parameters: LIFE,
  text: `
    INSERT INTO pool_queues (project, name, epoch, state)
    SELECT :project, :name, :epoch, 'arriving' WHERE NOT EXISTS (
      SELECT 1 FROM pool_queues q WHERE ${LIFE_IS} AND q.state = 'arriving')`,
});

const LOCK_ARRIVING = statement({
  name: "queue_move_lock_arriving",
  parameters: LIFE,
  row: rowOf<{ id: string }>(),
  text: `SELECT q.id::text FROM pool_queues q WHERE ${LIFE_IS} AND q.state = 'arriving' FOR UPDATE`,
});

const DELETE_SUBSCRIPTIONS = statement({
  name: "queue_move_delete_subscriptions",
  parameters: QUEUE,
  text: "DELETE FROM subscriptions WHERE project = :project AND queue = :name",
});

const ADD_SUBSCRIPTIONS = statement({
  name: "queue_move_add_subscriptions",
  parameters: {
    ...QUEUE,
    ids: uuidArray,
    subscribers: textArray,
    ttlSeconds: int8Array,
    options: textArray,
    confirmed: boolArray,
    agesMs: float8Array,
    sinceRenewalMs: float8Array,
    remainingMs: float8Array,
  },
  text: `
    WITH ${CLOCK}
    INSERT INTO subscriptions (
      id, project, queue, subscriber, ttl_seconds, options, confirmed, created_at, renewed_at, expires_at)
    SELECT b.id, :project, :name, b.subscriber, b.ttl, b.options, b.confirmed,
      ${ago("b.age")}, ${ago("b.renewal")}, ${ahead("b.remaining")}
    FROM clock, unnest(:ids::uuid[], :subscribers::text[], :ttlSeconds::bigint[], :options::text[],
        :confirmed::boolean[], :agesMs::float8[], :sinceRenewalMs::float8[], :remainingMs::float8[])
      AS b(id, subscriber, ttl, options, confirmed, age, renewal, remaining)`,
});

const ADD_COUNTS = statement({
  name: "queue_move_add_counts",
  parameters: { queueIds: int8Array, messages: int8, ...TALLIES },
  text: addTotals({
    ctes: `counted AS (
      INSERT INTO queue_counts (queue_id, posted) SELECT c.queue_id, :messages FROM unnest(:queueIds::bigint[]) AS c(queue_id)
    )`,
    queueIds: ":queueIds::bigint[]",
    weight: "0",
  }),
});

const DETACH_EARLIER_LIVES = statement({
  name: "queue_move_detach_earlier_lives",
  parameters: LIFE,
  text: `
    UPDATE pool_queues q SET state = 'detached', detached_at = ${NOW}
    WHERE q.project = :project AND q.name = :name AND q.epoch < :epoch
      AND q.state IN ('live', 'moving', 'moved', 'arriving')`,
});

/**
 * Makes the queue live. Messages that were purged before the move did not come along, and a purge during it is not to
 * be undone: gc may free all below the low-water mark. As everywhere, a queue with messages whose ids are not their
 * markers says so. `purged`: it has messages that were purged after they were copied, and were counted.
 */
const MAKE_LIVE = statement({
  name: "queue_move_make_live",
  parameters: { queueId: int8, lowWater: int8 },
  row: rowOf<{ purged: boolean }>(),
  text: `
    WITH ${CLOCK}
    UPDATE pool_queues q SET state = 'live', low_water = :lowWater,
      undo_low_water = CASE WHEN :lowWater::bigint > 0 THEN :lowWater::bigint END,
      purged_at = CASE WHEN :lowWater::bigint > 0 THEN clock.now END,
      holds_moved = EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id AND m.origin_id IS NOT NULL)
    FROM clock WHERE q.id = :queueId
    RETURNING EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id AND m.marker <= :lowWater) AS purged`,
});

/**
 * Claims that ended while they were on their way. Nobody sees them, but statistics of long queues would count them
 * until they expire.
 */
const DELETE_EMPTY_CLAIMS = statement({
  name: "queue_move_delete_empty_claims",
  parameters: { queueId: int8 },
  text: `DELETE FROM claims c WHERE c.queue_id = :queueId AND ${HOLDS_NOTHING}`,
});

const ABANDON = statement({
  name: "queue_move_abandon",
  parameters: LIFE,
  text: `
    WITH ${CLOCK},
    abandoned AS MATERIALIZED (
      SELECT q.id, q.state FROM pool_queues q
      WHERE q.project = :project AND q.name = :name AND q.epoch <= :epoch AND q.state IN ('arriving', 'live') FOR UPDATE
    ),
    detached AS (
      UPDATE pool_queues q SET state = 'detached', detached_at = clock.now FROM abandoned a, clock WHERE q.id = a.id
    )
    DELETE FROM subscriptions s USING abandoned a
    WHERE a.state = 'live' AND s.project = :project AND s.queue = :name`,
});

/** A row that has ended but is frozen holds only a deleted queue's subscriptions. */
const OPEN_EPOCH = statement({
  name: "queue_move_open_epoch",
  parameters: QUEUE,
  row: rowOf<{ epoch: number }>(),
  text: `
    SELECT q.epoch::float8 AS epoch FROM pool_queues q
    WHERE q.project = :project AND q.name = :name AND q.state IN ('live', 'moving') AND q.detached_at IS NULL`,
});

export class MoveTarget {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  readonly prepare: QueueTransfer["prepare"] = async ({ queue }) => {
    const life = lifeOf(queue);
    await withLockTimeout(this.#pool.statements, async (transaction) => {
      const later = await transaction.run(LATER_LIFE, life);
      if (later.length > 0) throw staleEpoch(queue);
      await transaction.run(DETACH_EARLIER_ATTEMPTS, life);
      await transaction.run(INSERT_ARRIVING, life);
    });
  };

  readonly writeMessages: QueueTransfer["writeMessages"] = async ({ queue, messages, changed, gone }) => {
    const { statements, ids } = this.#pool;
    let grown = 0;
    if (messages.length > 0) {
      const added = await statements.write(ADD_MESSAGES, {
        ...lifeOf(queue),
        ...statesOf(messages),
        agesMs: messages.map(({ ageMs }) => ageMs),
        // One that comes back to where it was created needs no column for its id.
        originIds: messages.map(({ id, marker }) => (ids.idOf(marker) === id ? null : id)),
        clientIds: messages.map(({ clientId }) => clientId),
        bodies: messages.map(({ bodyText }) => bodyText),
        headers: messages.map(({ headers }) => headersText(headers)),
        deadLettered: messages.map(({ deadLettered }) => deadLetteredText(deadLettered)),
      });
      grown += grownBy(added, queue);
    }
    if (changed.length > 0 || gone.length > 0) {
      grown += grownBy(
        await statements.write(CHANGE_MESSAGES, { ...lifeOf(queue), ...statesOf(changed), gone }),
        queue,
      );
    }
    return grown;
  };

  readonly writeClaims: QueueTransfer["writeClaims"] = async ({ queue, claims }) => {
    const rows = await this.#pool.statements.write(ADD_CLAIMS, {
      ...lifeOf(queue),
      ids: claims.map(({ id }) => id),
      clientIds: claims.map(({ clientId }) => clientId),
      actors: claims.map(({ actor }) => actor),
      agesMs: claims.map(({ ageMs }) => ageMs),
      sinceRenewalMs: claims.map(({ sinceRenewalMs }) => sinceRenewalMs),
      remainingMs: claims.map(({ remainingMs }) => remainingMs),
      ttlSeconds: claims.map(({ ttlSeconds }) => ttlSeconds),
      graceSeconds: claims.map(({ graceSeconds }) => graceSeconds),
      markerLists: claims.map(({ markers }) => `{${markers.join(",")}}`),
    });
    grownBy(rows, queue);
  };

  readonly writeKeys: QueueTransfer["writeKeys"] = async ({ queue, keys }) => {
    const rows = await this.#pool.statements.write(ADD_KEYS, {
      ...lifeOf(queue),
      keys: keys.map(({ key }) => key),
      requests: keys.map(({ request }) => request),
      results: keys.map(({ result }) => result),
      agesMs: keys.map(({ ageMs }) => ageMs),
    });
    grownBy(rows, queue);
  };

  readonly open: QueueTransfer["open"] = async ({ queue, rest, messages }) => {
    const { statements, counters } = this.#pool;
    const life = lifeOf(queue);
    const { project, name } = life;
    const { tally, subscriptions } = rest;
    await liftMarkers(statements, rest.highestMarker);
    const { id: queueId, purged } = await withLockTimeout(statements, async (transaction) => {
      const [row] = await transaction.run(LOCK_ARRIVING, life);
      if (row === undefined) throw staleEpoch(queue);
      // Left by an earlier life that ended when somebody repaired the catalogue.
      await transaction.run(DELETE_SUBSCRIPTIONS, { project, name });
      await transaction.run(ADD_SUBSCRIPTIONS, {
        project,
        name,
        ids: subscriptions.map(({ id }) => id),
        subscribers: subscriptions.map(({ subscriber }) => subscriber),
        ttlSeconds: subscriptions.map(({ ttlSeconds }) => ttlSeconds),
        options: subscriptions.map(({ optionsText }) => optionsText),
        confirmed: subscriptions.map(({ confirmed }) => confirmed),
        agesMs: subscriptions.map(({ ageMs }) => ageMs),
        sinceRenewalMs: subscriptions.map(({ sinceRenewalMs }) => sinceRenewalMs),
        remainingMs: subscriptions.map(({ remainingMs }) => remainingMs),
      });
      await transaction.run(ADD_COUNTS, { queueIds: [row.id], messages, ...talliesOf([tally]) });
      await transaction.run(DETACH_EARLIER_LIVES, life);
      const [live] = await transaction.run(MAKE_LIVE, { queueId: row.id, lowWater: rest.lowWater });
      return { id: row.id, purged: live?.purged === true };
    });
    this.#pool.queues.forget(queue);
    const { lifeSeconds: seconds } = rest;
    // Whoever reads a life later does it again: it is no reason to undo a move.
    if (seconds > 0) await keepLives(statements, { queueId, epoch: life.epoch, seconds }).catch(() => undefined);
    // Both beside the calls that wait for the queue. Claims that are left behind expire.
    void statements.write(DELETE_EMPTY_CLAIMS, { queueId }).catch(() => undefined);
    if (purged) void counters.recount(queueId).catch(() => counters.doubt(queueId));
  };

  readonly abandon: QueueTransfer["abandon"] = async ({ queue }) => {
    await this.#pool.statements.write(ABANDON, lifeOf(queue));
    this.#pool.queues.forget(queue);
  };

  readonly openEpoch: QueueTransfer["openEpoch"] = async ({ queue: { project, name } }) => {
    const [row] = await this.#pool.statements.read(OPEN_EPOCH, { project, name });
    return row?.epoch ?? null;
  };
}

const lifeOf = ({ project, name, epoch }: QueueLife) => ({ project, name, epoch });

const statesOf = (states: readonly MovedState[]) => ({
  markers: states.map(({ marker }) => marker),
  remainingMs: states.map(({ remainingMs }) => remainingMs),
  delaysMs: states.map(({ delayMs }) => delayMs),
  claimRemainingMs: states.map(({ claimRemainingMs }) => claimRemainingMs),
  ttlSeconds: states.map(({ ttlSeconds }) => ttlSeconds),
  claimCounts: states.map(({ claimCount }) => claimCount),
  claimIds: states.map(({ claimId }) => claimId),
  lastHolders: states.map(({ lastHolder }) => lastHolder),
  lastDeliveries: states.map(({ lastDelivery }) => lastDelivery),
});

/** By how many messages a write changed the queue. QUEUE_EPOCH_STALE when the queue no longer arrives here. */
function grownBy([result]: readonly WriteRow[], queue: QueueLife): number {
  if (result === undefined || result.target === 0) throw staleEpoch(queue);
  return result.grown;
}
