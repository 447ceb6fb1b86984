/** The half of a move in the store that the queue leaves. See QueueTransfer. */
import { DomainError } from "../../../errors.ts";
import { staleEpoch } from "../../errors/storage-errors.ts";
import { NIL } from "../../list-pages.ts";
import { readDeadLettered } from "../../messages/dead-lettered.ts";
import { readHeaders } from "../../messages/message-headers.ts";
import type {
  MovedClaim,
  MovedMessage,
  MovedState,
  MovedSubscription,
  QueueTransfer,
} from "../../moves/queue-transfer.ts";
import { highestMarker } from "../messages/marker-sequence.ts";
import { ALIVE, sizeOf } from "../messages/rows.ts";
import { TOTALS_OF_QUEUE, tallyOf } from "../messages/totals.ts";
import type { Pool } from "../pool.ts";
import { uuidArray } from "../sql/array-parameter.ts";
import { CLOCK, milliseconds, NOW } from "../sql/fragments.ts";
import { withLockTimeout } from "../sql/lock-timeout.ts";
import { int8, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { ATTEMPT, attemptOf, type Found, foundIn, foundText, LIFE, LIFE_IS, OURS, READ_BYTES } from "./attempt.ts";
import { keyReader } from "./keys.ts";
import { passWriteBarrier } from "./write-barrier.ts";

const STATE_COLUMNS = `m.marker::text AS marker, m.ttl_seconds::float8 AS "ttlSeconds", m.claim_count AS "claimCount",
  m.claim_id::text AS "claimId", ${milliseconds("m.claim_expires_at - clock.now")} AS "claimRemainingMs",
  ${milliseconds("m.expires_at - clock.now")} AS "remainingMs", m.last_holder AS "lastHolder",
  m.last_delivery::text AS "lastDelivery",
  CASE WHEN m.available_at > clock.now THEN ${milliseconds("m.available_at - clock.now")} END AS "delayMs"`;

type MovedRow = Omit<MovedMessage, "id" | "headers" | "deadLettered"> & {
  origin: string | null;
  headers: string | null;
  deadLettered: string | null;
};

const READ_MESSAGES = statement({
  name: "queue_move_messages",
  parameters: { ...ATTEMPT, after: int8, limit: int8 },
  row: rowOf<Found<MovedRow>>(),
  text: foundText(`
      SELECT ${STATE_COLUMNS}, m.origin_id::text AS origin, m.body AS "bodyText", m.headers, m.dead_lettered AS "deadLettered",
        m.client_id AS "clientId",
        ${milliseconds("clock.now - m.created_at")} AS "ageMs"
      FROM (
        SELECT n.*, sum(${sizeOf("n")}) OVER (ORDER BY n.marker) - ${sizeOf("n")} AS before FROM (
          SELECT m.* FROM messages m
          WHERE m.queue_id = q.id AND m.marker > greatest(:after::bigint, q.low_water) AND ${ALIVE}
          ORDER BY m.marker LIMIT :limit
        ) AS n
      ) AS m
      WHERE m.before < ${READ_BYTES} ORDER BY m.marker`),
});

/** One snapshot for the notes and the messages: a change whose note is seen is seen too. */
const TAKE_CHANGES = statement({
  name: "queue_move_changes",
  parameters: { ...ATTEMPT, limit: int8 },
  /**
   * `taken`: how many notes. `noted`: the marker of a message that changed; the other columns are null if it is gone.
   */
  row: rowOf<{ taken: number; noted: string | null } & (MovedState | { marker: null })>(),
  text: `
    WITH ${CLOCK},
    source AS MATERIALIZED (SELECT q.id, q.low_water FROM pool_queues q WHERE ${OURS}),
    taken AS MATERIALIZED (
      DELETE FROM queue_move_changes c USING (
        SELECT o.* FROM source s CROSS JOIN LATERAL (
          SELECT c.queue_id, c.id FROM queue_move_changes c WHERE c.queue_id = s.id ORDER BY c.id LIMIT :limit
        ) AS o
      ) AS o
      WHERE c.queue_id = o.queue_id AND c.id = o.id RETURNING c.marker
    ),
    noted AS MATERIALIZED (SELECT t.marker FROM taken t GROUP BY t.marker)
    SELECT (SELECT count(*)::int FROM taken) AS taken, n.marker::text AS noted, found.*
    FROM source s CROSS JOIN clock LEFT JOIN noted n ON true
    LEFT JOIN LATERAL (
      SELECT ${STATE_COLUMNS} FROM messages m
      WHERE m.queue_id = s.id AND m.marker = n.marker AND m.marker > s.low_water AND ${ALIVE}
    ) AS found ON true`,
});

const CLAIM_COLUMNS = `c.id::text AS id, c.client_id AS "clientId", c.actor, c.ttl_seconds::float8 AS "ttlSeconds",
  c.grace_seconds::float8 AS "graceSeconds", c.markers::text AS markers,
  ${milliseconds("clock.now - c.created_at")} AS "ageMs",
  ${milliseconds("clock.now - c.renewed_at")} AS "sinceRenewalMs",
  ${milliseconds("c.expires_at - clock.now")} AS "remainingMs"`;

/** `markers`: an array as PostgreSQL prints it. */
type FoundClaim = Found<Omit<MovedClaim, "markers"> & { markers: string }>;

const READ_CLAIMS = statement({
  name: "queue_move_claims",
  parameters: { ...ATTEMPT, after: uuid, limit: int8 },
  row: rowOf<FoundClaim>(),
  text: foundText(`
      SELECT ${CLAIM_COLUMNS} FROM claims c
      WHERE c.queue_id = q.id AND c.id > :after::uuid AND c.expires_at > clock.now ORDER BY c.id LIMIT :limit`),
});

const READ_CLAIMS_BY_ID = statement({
  name: "queue_move_claims_by_id",
  parameters: { ...ATTEMPT, ids: uuidArray },
  row: rowOf<FoundClaim>(),
  text: foundText(`
      SELECT ${CLAIM_COLUMNS}
      FROM unnest(:ids::uuid[]) AS w(id) JOIN claims c ON c.queue_id = q.id AND c.id = w.id
      WHERE c.expires_at > clock.now`),
});

const READ_ROW = statement({
  name: "queue_move_row",
  parameters: ATTEMPT,
  row: rowOf<{ lowWater: string; totals: string | null; claims: number; lifeSeconds: number }>(),
  text: `
    SELECT q.low_water::text AS "lowWater", ${TOTALS_OF_QUEUE} AS totals,
      (SELECT count(*)::int FROM claims o WHERE o.queue_id = q.id AND o.expires_at > ${NOW}) AS claims,
      coalesce((SELECT l.seconds FROM message_life_queues l WHERE l.queue_id = q.id), 0)::float8 AS "lifeSeconds"
    FROM pool_queues q WHERE ${OURS}`,
});

const READ_SUBSCRIPTIONS = statement({
  name: "queue_move_subscriptions",
  parameters: { project: text, name: text },
  row: rowOf<MovedSubscription>(),
  text: `
    WITH ${CLOCK}
    SELECT s.id::text AS id, s.subscriber, s.ttl_seconds::float8 AS "ttlSeconds", s.options AS "optionsText",
      s.confirmed, ${milliseconds("clock.now - s.created_at")} AS "ageMs",
      ${milliseconds("clock.now - s.renewed_at")} AS "sinceRenewalMs",
      ${milliseconds("s.expires_at - clock.now")} AS "remainingMs"
    FROM subscriptions s, clock WHERE s.project = :project AND s.queue = :name AND s.expires_at > clock.now
    ORDER BY s.id`,
});

/**
 * Only for an attempt that is newer than the last. A queue that has no row here (it is deleted, or was never used) gets
 * one that nobody can use, with a time at which it ended: so `thaw` knows not to make it live.
 */
const BEGIN = statement({
  name: "queue_move_begin",
  parameters: ATTEMPT,
  row: rowOf<{ id: string }>(),
  text: `
    WITH begun AS (
      UPDATE pool_queues q SET state = CASE WHEN q.detached_at IS NULL THEN 'live' ELSE 'moving' END,
        move_epoch = :moveEpoch
      WHERE ${LIFE_IS} AND q.state IN ('live', 'moving')
        AND coalesce(q.move_epoch, 0) < :moveEpoch
      RETURNING q.id
    ),
    created AS (
      INSERT INTO pool_queues (project, name, epoch, state, move_epoch, detached_at)
      SELECT :project, :name, :epoch, 'moving', :moveEpoch, clock_timestamp()
      WHERE NOT EXISTS (
          SELECT 1 FROM pool_queues o WHERE o.project = :project AND o.name = :name AND o.state IN ('live', 'moving'))
        AND NOT EXISTS (
          SELECT 1 FROM pool_queues o
          WHERE o.project = :project AND o.name = :name AND o.state = 'moved' AND o.epoch >= :epoch)
      ON CONFLICT (project, name) WHERE state IN ('live', 'moving') DO NOTHING
      RETURNING id
    ),
    forgotten AS (DELETE FROM queue_move_changes c USING begun b WHERE c.queue_id = b.id)
    SELECT id::text FROM begun UNION ALL SELECT id::text FROM created`,
});

const FREEZE = statement({
  name: "queue_move_freeze",
  parameters: ATTEMPT,
  row: rowOf<{ id: string }>(),
  text: `UPDATE pool_queues q SET state = 'moving' WHERE ${OURS} RETURNING q.id::text`,
});

/**
 * No row: the queue's life is over here, or no attempt to move it ever began. `thawed` is false while a later attempt
 * moves it.
 */
const THAW = statement({
  name: "queue_move_thaw",
  parameters: ATTEMPT,
  row: rowOf<{ id: string; thawed: boolean }>(),
  text: `
    WITH thawed AS (
      UPDATE pool_queues q SET state = CASE WHEN q.detached_at IS NULL THEN 'live' ELSE 'detached' END,
        move_epoch = :moveEpoch
      WHERE ${LIFE_IS} AND q.state IN ('live', 'moving') AND q.move_epoch <= :moveEpoch
      RETURNING q.id
    )
    SELECT t.id::text, true AS thawed FROM thawed t
    UNION ALL
    SELECT q.id::text, false FROM pool_queues q
    WHERE ${LIFE_IS} AND q.state IN ('live', 'moving') AND q.move_epoch > :moveEpoch`,
});

/**
 * Subscriptions go only with the row, once: the queue may have come back with others since. The row's id is returned
 * each time, for the trigger.
 */
const LEAVE = statement({
  name: "queue_move_leave",
  parameters: LIFE,
  row: rowOf<{ id: string }>(),
  text: `
    WITH ${CLOCK},
    moved AS (
      UPDATE pool_queues q SET state = 'moved', detached_at = clock.now FROM clock
      WHERE ${LIFE_IS} AND q.state IN ('live', 'moving')
      RETURNING q.id
    ),
    forgotten AS (DELETE FROM subscriptions s USING moved m WHERE s.project = :project AND s.queue = :name)
    SELECT m.id::text FROM moved m
    UNION ALL
    SELECT q.id::text FROM pool_queues q
    WHERE ${LIFE_IS} AND q.state = 'moved'`,
});

const FORGET_CHANGES = statement({
  name: "queue_move_forget_changes",
  parameters: { queueId: int8 },
  text: "DELETE FROM queue_move_changes WHERE queue_id = :queueId",
});

export class MoveSource {
  readonly #pool: Pool;
  readonly readKeys: QueueTransfer["readKeys"];

  constructor(pool: Pool) {
    this.#pool = pool;
    this.readKeys = keyReader(pool);
  }

  /**
   * The trigger exists before the first message is read: its creation waits for all who are writing, and later writers
   * see it.
   */
  readonly begin: QueueTransfer["begin"] = async (params) => {
    const { statements } = this.#pool;
    const [row] = await statements.write(BEGIN, attemptOf(params));
    if (row === undefined) throw staleEpoch(params.queue);
    const trigger = triggerOf(row.id);
    await withLockTimeout(statements, (transaction) =>
      transaction.execute(
        `CREATE OR REPLACE TRIGGER ${trigger} AFTER UPDATE OR DELETE ON messages
         FOR EACH ROW WHEN (OLD.queue_id = ${row.id}) EXECUTE FUNCTION queue_move_note()`,
      ),
    );
  };

  readonly readMessages: QueueTransfer["readMessages"] = async (params) => {
    const { statements, ids } = this.#pool;
    const { after, limit } = params;
    const rows = await statements.read(READ_MESSAGES, { ...attemptOf(params), after, limit });
    return foundIn(rows, params).map(({ origin, headers, deadLettered, ...message }) => ({
      ...message,
      headers: readHeaders(headers),
      deadLettered: deadLettered === null ? null : readDeadLettered(JSON.parse(deadLettered)),
      id: origin ?? ids.idOf(message.marker),
    }));
  };

  readonly takeChanges: QueueTransfer["takeChanges"] = async (params) => {
    const { limit } = params;
    const rows = await this.#pool.statements.write(TAKE_CHANGES, { ...attemptOf(params), limit });
    const [first] = rows;
    if (first === undefined) throw staleEpoch(params.queue);
    const changed: MovedState[] = [];
    const gone: string[] = [];
    for (const { taken: _, noted, ...state } of rows) {
      if (noted === null) continue;
      if (state.marker === null) gone.push(noted);
      else changed.push(state);
    }
    return { changed, gone, more: first.taken === limit };
  };

  readonly readClaims: QueueTransfer["readClaims"] = async (params) => {
    const { statements } = this.#pool;
    const attempt = attemptOf(params);
    const rows =
      "ids" in params
        ? await statements.read(READ_CLAIMS_BY_ID, { ...attempt, ids: params.ids })
        : await statements.read(READ_CLAIMS, { ...attempt, after: params.after || NIL, limit: params.limit });
    return foundIn(rows, params).map((claim) => ({ ...claim, markers: claim.markers.slice(1, -1).split(",") }));
  };

  readonly freeze: QueueTransfer["freeze"] = async (params) => {
    const { statements, counters } = this.#pool;
    await counters.flush();
    const rows = await statements.write(FREEZE, attemptOf(params));
    if (rows.length === 0) throw staleEpoch(params.queue);
    try {
      await passWriteBarrier(statements, params.deadlineMs);
    } catch (error) {
      await statements.write(THAW, attemptOf(params));
      throw error;
    }
  };

  readonly readRest: QueueTransfer["readRest"] = async (params) => {
    const { statements } = this.#pool;
    const [row] = await statements.read(READ_ROW, attemptOf(params));
    if (row === undefined) throw staleEpoch(params.queue);
    const { lowWater, claims, totals, lifeSeconds } = row;
    const { project, name } = params.queue;
    const subscriptions = await statements.read(READ_SUBSCRIPTIONS, { project, name });
    const tally = tallyOf(totals);
    const highest = await highestMarker(statements);
    return { lowWater, tally, claims, lifeSeconds, subscriptions, highestMarker: highest };
  };

  readonly thaw: QueueTransfer["thaw"] = async (params) => {
    const [row] = await this.#pool.statements.write(THAW, attemptOf(params));
    if (row?.thawed) await this.#stopNoting(row.id);
    return row !== undefined;
  };

  readonly leave: QueueTransfer["leave"] = async ({ queue }) => {
    const { project, name, epoch } = queue;
    const [row] = await this.#pool.statements.write(LEAVE, { project, name, epoch });
    this.#pool.queues.forget(queue);
    if (row !== undefined) await this.#stopNoting(row.id);
  };

  async #stopNoting(queueId: string): Promise<void> {
    await withLockTimeout(this.#pool.statements, async (transaction) => {
      await transaction.execute(`DROP TRIGGER IF EXISTS ${triggerOf(queueId)} ON messages`);
      await transaction.run(FORGET_CHANGES, { queueId });
    });
  }
}

/** A command that creates a trigger has no parameters, so the number is checked before it goes into the text. */
function triggerOf(queueId: string): string {
  if (!/^\d+$/.test(queueId)) throw new DomainError("INTERNAL", "A queue's row has a number.");
  return `queue_move_${queueId}`;
}
