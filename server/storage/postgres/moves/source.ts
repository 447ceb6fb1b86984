import { DomainError } from "../../../errors.ts";
import type {
  MovedClaim,
  MovedCounts,
  MovedKey,
  MovedMessage,
  MovedRest,
  MovedState,
  MovedSubscription,
  QueueLife,
  QueueTransfer,
} from "../../queue-transfer.ts";
import { highestMarker } from "../messages/marker-sequence.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { staleEpoch } from "../queue-rows.ts";
import { withBriefLocks } from "../sql/lock-timeout.ts";
import { clockCte, milliseconds, type Statement } from "../sql/statements.ts";
import { passWriteBarrier } from "./write-barrier.ts";

/** Text of messages that is read at a time. */
const READ_BYTES = 4 * 1024 * 1024;

/** The row that this attempt, and no other, may move. */
const AT = "q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state IN ('live', 'moving') AND q.move_epoch = $4";

const STATE_COLUMNS = `m.marker::text AS marker, m.ttl_seconds::float8 AS "ttlSeconds", m.claim_count AS "claimCount", m.claim_id::text AS "claimId",
  ${milliseconds("m.claim_expires_at - clock.now")} AS "claimRemainingMs", ${milliseconds("m.expires_at - clock.now")} AS "remainingMs",
  CASE WHEN m.available_at > clock.now THEN ${milliseconds("m.available_at - clock.now")} END AS "delayMs"`;

/** No row: the attempt is over. One row without a message: there is none. */
const READ_MESSAGES: Statement = {
  name: "queue_move_messages",
  text: `
    WITH ${clockCte(7)}
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT ${STATE_COLUMNS}, m.origin_id::text AS origin, m.body AS "bodyText", m.client_id AS "clientId", ${milliseconds("clock.now - m.created_at")} AS "ageMs"
      FROM (
        SELECT n.*, sum(octet_length(n.body)) OVER (ORDER BY n.marker) - octet_length(n.body) AS before FROM (
          SELECT m.* FROM messages m WHERE m.queue_id = q.id AND m.marker > greatest($5::bigint, q.low_water) AND ${ALIVE}
          ORDER BY m.marker LIMIT $6
        ) AS n
      ) AS m
      WHERE m.before < ${READ_BYTES} ORDER BY m.marker
    ) AS found ON true
    WHERE ${AT}`,
};

/** One snapshot for the notes and the messages: what a note that is seen tells of, is seen too. */
const TAKE_CHANGES: Statement = {
  name: "queue_move_changes",
  text: `
    WITH ${clockCte(6)},
    source AS MATERIALIZED (SELECT q.id, q.low_water FROM pool_queues q WHERE ${AT}),
    taken AS MATERIALIZED (
      DELETE FROM queue_move_changes c USING (
        SELECT o.* FROM source s CROSS JOIN LATERAL (
          SELECT c.queue_id, c.id FROM queue_move_changes c WHERE c.queue_id = s.id ORDER BY c.id LIMIT $5
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
};

const CLAIM_COLUMNS = `c.id::text AS id, c.client_id AS "clientId", c.actor, c.ttl_seconds::float8 AS "ttlSeconds",
  c.grace_seconds::float8 AS "graceSeconds", c.markers::text AS markers, ${milliseconds("clock.now - c.created_at")} AS "ageMs",
  ${milliseconds("clock.now - c.renewed_at")} AS "sinceRenewalMs", ${milliseconds("c.expires_at - clock.now")} AS "remainingMs"`;

const READ_CLAIMS: Statement = {
  name: "queue_move_claims",
  text: `
    WITH ${clockCte(7)}
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT ${CLAIM_COLUMNS}
      FROM claims c WHERE c.queue_id = q.id AND c.id > $5::uuid AND c.expires_at > clock.now ORDER BY c.id LIMIT $6
    ) AS found ON true
    WHERE ${AT}`,
};

const READ_CLAIMS_BY_ID: Statement = {
  name: "queue_move_claims_by_id",
  text: `
    WITH ${clockCte(6)}
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT ${CLAIM_COLUMNS}
      FROM unnest($5::uuid[]) AS w(id) JOIN claims c ON c.queue_id = q.id AND c.id = w.id WHERE c.expires_at > clock.now
    ) AS found ON true
    WHERE ${AT}`,
};

const READ_KEYS: Statement = {
  name: "queue_move_keys",
  text: `
    WITH ${clockCte(7)}
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT k.key, k.request, k.result, ${milliseconds("clock.now - k.created_at")} AS "ageMs"
      FROM idempotency_keys k WHERE k.queue_id = q.id AND k.key > $5 ORDER BY k.key LIMIT $6
    ) AS found ON true
    WHERE ${AT}`,
};

/** By their time, of all queues: there is no index by queue and time, and what is young is little. */
const READ_YOUNG_KEYS: Statement = {
  name: "queue_move_young_keys",
  text: `
    WITH ${clockCte(7)},
    young AS MATERIALIZED (
      SELECT k.* FROM idempotency_keys k WHERE k.created_at >= (SELECT now FROM clock) - make_interval(secs => $8::float8 / 1000)
    )
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT k.key, k.request, k.result, ${milliseconds("clock.now - k.created_at")} AS "ageMs"
      FROM young k WHERE k.queue_id = q.id AND k.key > $5 ORDER BY k.key LIMIT $6
    ) AS found ON true
    WHERE ${AT}`,
};

const READ_COUNTS: Statement = {
  name: "queue_move_counts",
  text: `
    SELECT q.low_water::text AS "lowWater", coalesce(sum(c.posted), 0)::float8 AS posted, coalesce(sum(c.claimed), 0)::float8 AS claimed,
      coalesce(sum(c.deleted), 0)::float8 AS deleted, coalesce(sum(c.expired), 0)::float8 AS expired,
      (SELECT count(*)::int FROM claims o WHERE o.queue_id = q.id AND o.expires_at > clock_timestamp() + make_interval(secs => $5::float8)) AS claims
    FROM pool_queues q LEFT JOIN queue_counts c ON c.queue_id = q.id
    WHERE ${AT} GROUP BY q.id, q.low_water`,
};

const READ_SUBSCRIPTIONS: Statement = {
  name: "queue_move_subscriptions",
  text: `
    WITH ${clockCte(3)}
    SELECT s.id::text AS id, s.subscriber, s.ttl_seconds::float8 AS "ttlSeconds", s.options AS "optionsText", s.confirmed,
      ${milliseconds("clock.now - s.created_at")} AS "ageMs", ${milliseconds("clock.now - s.renewed_at")} AS "sinceRenewalMs",
      ${milliseconds("s.expires_at - clock.now")} AS "remainingMs"
    FROM subscriptions s, clock WHERE s.project = $1 AND s.queue = $2 AND s.expires_at > clock.now ORDER BY s.id`,
};

/**
 * Only an attempt that is not older than the last. A queue that has no row here (deleted, or never used) gets one that nobody can use, with a
 * time at which it ended: so `thaw` knows not to bring it to life.
 */
const TAKE_OVER: Statement = {
  name: "queue_move_begin",
  text: `
    WITH taken AS (
      UPDATE pool_queues q SET state = CASE WHEN q.detached_at IS NULL THEN 'live' ELSE 'moving' END, move_epoch = $4
      WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state IN ('live', 'moving') AND coalesce(q.move_epoch, 0) < $4
      RETURNING q.id
    ),
    made AS (
      INSERT INTO pool_queues (project, name, epoch, state, move_epoch, detached_at)
      SELECT $1, $2, $3, 'moving', $4, clock_timestamp()
      WHERE NOT EXISTS (SELECT 1 FROM pool_queues o WHERE o.project = $1 AND o.name = $2 AND o.state IN ('live', 'moving'))
        AND NOT EXISTS (SELECT 1 FROM pool_queues o WHERE o.project = $1 AND o.name = $2 AND o.state = 'moved' AND o.epoch >= $3)
      ON CONFLICT (project, name) WHERE state IN ('live', 'moving') DO NOTHING
      RETURNING id
    ),
    forgotten AS (DELETE FROM queue_move_changes c USING taken t WHERE c.queue_id = t.id)
    SELECT id::text FROM taken UNION ALL SELECT id::text FROM made`,
};

const FREEZE: Statement = {
  name: "queue_move_freeze",
  text: `UPDATE pool_queues q SET state = 'moving' WHERE ${AT} RETURNING q.id::text`,
};

/** No row: the queue's life is over here, or no attempt to move it ever began. `thawed` is false while a later attempt moves it. */
const THAW: Statement = {
  name: "queue_move_thaw",
  text: `
    WITH thawed AS (
      UPDATE pool_queues q SET state = CASE WHEN q.detached_at IS NULL THEN 'live' ELSE 'detached' END, move_epoch = $4
      WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state IN ('live', 'moving') AND q.move_epoch <= $4
      RETURNING q.id
    )
    SELECT t.id::text, true AS thawed FROM thawed t
    UNION ALL
    SELECT q.id::text, false FROM pool_queues q
    WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state IN ('live', 'moving') AND q.move_epoch > $4`,
};

/** Subscriptions go only with the row, once: the queue may have come back with others since. The row's id is given each time, for the trigger. */
const LEAVE: Statement = {
  name: "queue_move_leave",
  text: `
    WITH ${clockCte(4)},
    gone AS (
      UPDATE pool_queues q SET state = 'moved', detached_at = clock.now FROM clock
      WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state IN ('live', 'moving')
      RETURNING q.id
    ),
    forgotten AS (DELETE FROM subscriptions s USING gone g WHERE s.project = $1 AND s.queue = $2)
    SELECT g.id::text FROM gone g
    UNION ALL
    SELECT q.id::text FROM pool_queues q WHERE q.project = $1 AND q.name = $2 AND q.epoch = $3 AND q.state = 'moved'`,
};

type Attempt = { queue: QueueLife; moveEpoch: number };
type Departures = Pick<
  QueueTransfer,
  "begin" | "readMessages" | "takeChanges" | "readKeys" | "freeze" | "readClaims" | "readRest" | "thaw" | "leave"
>;

/** The half of a move where the queue is. See QueueTransfer. */
export class MoveSource implements Departures {
  readonly #parts: Pool;

  constructor(parts: Pool) {
    this.#parts = parts;
  }

  /** The trigger is there before the first message is read: to make it waits for all who are writing, and later ones see it. */
  async begin(params: Attempt): Promise<void> {
    const [row] = await this.#parts.statements.write<{ id: string }>(TAKE_OVER, this.#place(params));
    if (row === undefined) throw staleEpoch(params.queue);
    const trigger = triggerOf(row.id);
    await withBriefLocks(this.#parts.statements, async (transaction) => {
      await transaction.query(
        `CREATE OR REPLACE TRIGGER ${trigger} AFTER UPDATE OR DELETE ON messages FOR EACH ROW WHEN (OLD.queue_id = ${row.id}) EXECUTE FUNCTION queue_move_note()`,
      );
    });
  }

  async readMessages(params: Attempt & { after: string; limit: number }): Promise<MovedMessage[]> {
    const rows = await this.#page<MovedMessage & { origin: string | null }>(READ_MESSAGES, params);
    return rows.map(({ origin, ...message }) => ({ ...message, id: origin ?? this.#parts.ids.idOf(message.marker) }));
  }

  async takeChanges(
    params: Attempt & { limit: number },
  ): Promise<{ changed: MovedState[]; gone: string[]; more: boolean }> {
    const rows = await this.#parts.statements.write<
      { taken: number; noted: string | null } & (MovedState | { marker: null })
    >(TAKE_CHANGES, [...this.#place(params), params.limit, this.#offset()]);
    const [first] = rows;
    if (first === undefined) throw staleEpoch(params.queue);
    const changed: MovedState[] = [];
    const gone: string[] = [];
    for (const { taken: _, noted, ...state } of rows) {
      if (noted === null) continue;
      if (state.marker === null) gone.push(noted);
      else changed.push(state);
    }
    return { changed, gone, more: first.taken === params.limit };
  }

  async readClaims(
    params: Attempt & ({ after: string; limit: number } | { ids: readonly string[] }),
  ): Promise<MovedClaim[]> {
    type Row = Omit<MovedClaim, "markers"> & { markers: string };
    const rows =
      "ids" in params
        ? await this.#read<Row>(READ_CLAIMS_BY_ID, params, [params.ids, this.#offset()])
        : await this.#page<Row>(READ_CLAIMS, { ...params, after: params.after === "" ? NIL : params.after });
    return rows.map((claim) => ({ ...claim, markers: claim.markers.slice(1, -1).split(",") }));
  }

  /** What posts remember are markers, which only this store can turn into ids. */
  async readKeys(params: Attempt & { after: string; limit: number; youngerThanMs?: number }): Promise<MovedKey[]> {
    const { youngerThanMs } = params;
    const keys =
      youngerThanMs === undefined
        ? await this.#page<MovedKey>(READ_KEYS, params)
        : await this.#page<MovedKey>(READ_YOUNG_KEYS, params, [youngerThanMs]);
    const toId = (part: string) => (/^\d+$/.test(part) ? this.#parts.ids.idOf(part) : part);
    return keys.map((key) => ({ ...key, result: key.result.split(",").map(toId).join(",") }));
  }

  async freeze(params: Attempt & { deadlineMs: number }): Promise<void> {
    await this.#parts.counts.flush();
    const rows = await this.#parts.statements.write(FREEZE, this.#place(params));
    if (rows.length === 0) throw staleEpoch(params.queue);
    try {
      await passWriteBarrier(this.#parts.statements, params.deadlineMs);
    } catch (error) {
      await this.#parts.statements.write(THAW, this.#place(params));
      throw error;
    }
  }

  async readRest(params: Attempt): Promise<MovedRest> {
    const { statements } = this.#parts;
    const values = [...this.#place(params), this.#offset()];
    const [row] = await statements.read<MovedCounts & { lowWater: string; claims: number }>(READ_COUNTS, values);
    if (row === undefined) throw staleEpoch(params.queue);
    const { lowWater, claims, ...counts } = row;
    const { project, name } = params.queue;
    const subscriptions = await statements.read<MovedSubscription>(READ_SUBSCRIPTIONS, [project, name, this.#offset()]);
    return { lowWater, counts, claims, subscriptions, highestMarker: await highestMarker(statements) };
  }

  async thaw(params: Attempt): Promise<boolean> {
    const [row] = await this.#parts.statements.write<{ id: string; thawed: boolean }>(THAW, this.#place(params));
    if (row?.thawed) await this.#stopNoting(row.id);
    return row !== undefined;
  }

  async leave({ queue }: { queue: QueueLife }): Promise<void> {
    const values = [queue.project, queue.name, queue.epoch, this.#offset()];
    const [row] = await this.#parts.statements.write<{ id: string }>(LEAVE, values);
    this.#parts.queues.forget(queue);
    if (row !== undefined) await this.#stopNoting(row.id);
  }

  async #stopNoting(id: string): Promise<void> {
    await withBriefLocks(this.#parts.statements, async (transaction) => {
      await transaction.query(`DROP TRIGGER IF EXISTS ${triggerOf(id)} ON messages`);
      await transaction.query("DELETE FROM queue_move_changes WHERE queue_id = $1", [id]);
    });
  }

  async #page<Row extends object>(
    statement: Statement,
    params: Attempt & { after: string; limit: number },
    more: readonly unknown[] = [],
  ): Promise<Row[]> {
    return this.#read(statement, params, [params.after, params.limit, this.#offset(), ...more]);
  }

  async #read<Row extends object>(statement: Statement, params: Attempt, more: readonly unknown[]): Promise<Row[]> {
    const values = [...this.#place(params), ...more];
    const rows = await this.#parts.statements.read<Row & { ageMs: number | null }>(statement, values);
    if (rows.length === 0) throw staleEpoch(params.queue);
    return rows.filter((row) => row.ageMs !== null);
  }

  #place({ queue, moveEpoch }: Attempt): unknown[] {
    return [queue.project, queue.name, queue.epoch, moveEpoch];
  }

  #offset(): number {
    return this.#parts.clock.offsetMs / 1000;
  }
}

const NIL = "00000000-0000-0000-0000-000000000000";

/** Commands that make tables have no parameters, so the number is looked at before it is put in. */
function triggerOf(id: string): string {
  if (!/^\d+$/.test(id)) throw new DomainError("INTERNAL", "A queue's row has a number.");
  return `queue_move_${id}`;
}
