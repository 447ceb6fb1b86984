/** The lives of messages. See MessageLives; the events are written by triggers. */

import { DomainError } from "../../../errors.ts";
import type { BatchReads } from "../../data-driver.ts";
import { NIL, normaliseUuid } from "../../list-pages.ts";
import {
  FIRST_LIFE_EVENTS,
  inOrder,
  type KeptLives,
  type LifeEvent,
  type LifeEventKind,
  lapseOf,
  MAX_LIFE_EVENTS,
  type MessageLife,
  type MessageLives,
  shortened,
} from "../../messages/message-life.ts";
import { ASKED, ASKED_COLUMNS, type AskedRow, asked, askedQueues, resultsOf } from "../asked-queues.ts";
import { byNumber } from "../messages/markers.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { CLOCK, LIVE_QUEUE, milliseconds, NOW } from "../sql/fragments.ts";
import { withLockTimeout } from "../sql/lock-timeout.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { withTriggers } from "./triggers.ts";

const QUEUE = { queueId: int8, epoch: int8 } as const;

const KEPT = statement({
  name: "message_life_kept",
  parameters: QUEUE,
  row: rowOf<{ seconds: number }>(),
  text: `
    SELECT coalesce((SELECT l.seconds FROM message_life_queues l WHERE l.queue_id = q.id), 0)::float8 AS seconds
    FROM pool_queues q WHERE ${LIVE_QUEUE}`,
});

/** No row: the queue is deleted or has another epoch. */
const KEEP = statement({
  name: "message_life_keep",
  parameters: { ...QUEUE, seconds: int8 },
  row: rowOf<{ id: string }>(),
  text: `
    WITH queue AS MATERIALIZED (SELECT q.id FROM pool_queues q WHERE ${LIVE_QUEUE}),
    kept AS (
      INSERT INTO message_life_queues AS l (queue_id, seconds, since)
      SELECT q.id, :seconds, ${NOW} FROM queue q WHERE :seconds::bigint > 0
      ON CONFLICT (queue_id) DO UPDATE SET seconds = excluded.seconds,
        since = CASE WHEN l.seconds > 0 THEN l.since ELSE excluded.since END
    ),
    ended AS (
      UPDATE message_life_queues l SET seconds = 0 FROM queue q WHERE l.queue_id = q.id AND :seconds::bigint = 0
    )
    SELECT q.id::text FROM queue q`,
});

/** What queues keep; a null `seconds`: nothing. */
const READ_QUEUES = statement({
  name: "message_life_queues",
  parameters: ASKED,
  row: rowOf<AskedRow & Kept>(),
  text: `
    WITH ${CLOCK}
    SELECT ${ASKED_COLUMNS}, l.seconds::float8 AS seconds, ${milliseconds("l.since")} AS since,
      ${milliseconds("clock.now")} AS now, p.low_water::text AS "lowWater", ${milliseconds("p.purged_at")} AS purged
    FROM ${askedQueues()}
    LEFT JOIN pool_queues p ON p.id = q.id
    LEFT JOIN message_life_queues l ON l.queue_id = q.id AND l.seconds > 0
    ORDER BY a.n`,
});

interface Kept {
  seconds: number | null;
  since: number;
  now: number;
  lowWater: string;
  purged: number | null;
}

/** One element for each message: its queue's row, its id, and the marker that is sealed in that. */
const WANTED = { queueIds: int8Array, ids: uuidArray, markers: int8Array } as const;
const MESSAGES = `unnest(:queueIds::bigint[], :ids::uuid[], :markers::bigint[]) WITH ORDINALITY AS w(queue_id, id, marker, n)`;

const found = (condition: string, order: "ASC" | "DESC", limit: number) => `
      (SELECT e.* FROM message_events e WHERE e.queue_id = w.queue_id AND ${condition} ORDER BY e.id ${order} LIMIT ${limit})`;
const OWN = "e.marker = w.marker AND e.origin_id IS NULL";
const FROM_ELSEWHERE = "e.origin_id = w.id";
/** One more than are shown, to know whether there are more. */
const NEWEST = MAX_LIFE_EVENTS - FIRST_LIFE_EVENTS + 1;

interface EventRow {
  n: number;
  id: string;
  kind: LifeEventKind;
  at: number;
  clientId: string | null;
  actor: string | null;
  claimId: string | null;
  until: number | null;
  deliveries: number | null;
  otherQueue: string | null;
}

/** What an earlier time of keeping lives has left is not shown. */
const READ_EVENTS = statement({
  name: "message_life_events",
  parameters: WANTED,
  row: rowOf<EventRow>(),
  text: `
    SELECT w.n::int AS n, e.id::text AS id, e.kind, ${milliseconds("e.at")} AS at, e.client_id AS "clientId", e.actor,
      e.claim_id::text AS "claimId", ${milliseconds("e.until")} AS until, e.deliveries, e.other_queue AS "otherQueue"
    FROM ${MESSAGES} JOIN message_life_queues l ON l.queue_id = w.queue_id AND l.seconds > 0
    CROSS JOIN LATERAL (
      ${[
        found(OWN, "ASC", FIRST_LIFE_EVENTS),
        found(OWN, "DESC", NEWEST),
        found(FROM_ELSEWHERE, "ASC", FIRST_LIFE_EVENTS),
        found(FROM_ELSEWHERE, "DESC", NEWEST),
      ].join(" UNION ")}
    ) AS e
    WHERE e.at >= greatest(l.since, ${NOW} - make_interval(secs => l.seconds))`,
});

/** Messages that the table still holds, also those that nobody sees any more. */
const READ_MESSAGES = statement({
  name: "message_life_messages",
  parameters: WANTED,
  row: rowOf<{ n: number; marker: string; expires: number; deliveries: number }>(),
  text: `
    SELECT w.n::int AS n, m.marker::text AS marker, ${milliseconds("m.expires_at")} AS expires,
      m.claim_count AS deliveries
    FROM ${MESSAGES} CROSS JOIN LATERAL (
      SELECT m.* FROM messages m
      WHERE m.queue_id = w.queue_id AND m.marker = coalesce(
          (SELECT o.marker FROM messages o WHERE o.queue_id = w.queue_id AND o.origin_id = w.id), w.marker)
        AND (m.origin_id IS NULL OR m.origin_id = w.id)
    ) AS m`,
});

/** See MessageLives.keep. False when the queue is deleted or has another epoch. */
export async function keepLives(
  statements: Statements,
  queue: { queueId: string; epoch: string | number; seconds: number },
): Promise<boolean> {
  const rows = await withLockTimeout(statements, (transaction) =>
    withTriggers(transaction, () => transaction.run(KEEP, queue)),
  );
  return rows.length > 0;
}

export function postgresLives({ statements, queues }: Pool, livesOf: BatchReads["lives"]): MessageLives {
  return {
    async keep({ queue, seconds }) {
      await queues.with(queue, async ({ id: queueId, epoch }) => {
        const [kept] = await statements.read(KEPT, { queueId, epoch });
        if (kept === undefined) return STALE;
        if (kept.seconds === seconds) return undefined;
        return (await keepLives(statements, { queueId, epoch, seconds })) ? undefined : STALE;
      });
    },

    async read({ queue, ids }) {
      const [lives = null] = await livesOf({ queues: [{ ...queue, ids }] });
      if (lives instanceof DomainError) throw lives;
      return lives;
    },
  };
}

/** Three statements, whatever the number of queues. */
export function livesOfMany({ statements, queues: known, ids: messageIds }: Pool): BatchReads["lives"] {
  return async ({ queues }) => {
    if (queues.length === 0) return [];
    const rows = await statements.read(READ_QUEUES, asked(known, queues));
    const asks = rows.flatMap(({ n, queueId, seconds }) =>
      queueId === null || seconds === null
        ? []
        : // No message has the nil UUID.
          (queues[n - 1]?.ids ?? []).map((id) => ({ queueId, id: normaliseUuid(id) ?? NIL })),
    );
    const wanted = {
      queueIds: asks.map(({ queueId }) => queueId),
      ids: asks.map(({ id }) => id),
      markers: asks.map(({ id }) => messageIds.markerOf(id)),
    };
    const [events, messages] =
      asks.length === 0
        ? [[], []]
        : await Promise.all([statements.read(READ_EVENTS, wanted), statements.read(READ_MESSAGES, wanted)]);
    const eventsOf = Map.groupBy(events, ({ n }) => n);
    const messageOf = new Map(messages.map((message) => [message.n, message]));
    let before = 0;
    const results = resultsOf(known, queues, rows, ([kept], index): KeptLives | null => {
      if (kept.seconds === null) return null;
      const lives = (queues[index]?.ids ?? []).map((): MessageLife => {
        before += 1;
        const { events: written, cut } = readEvents(eventsOf.get(before) ?? []);
        return { events: inOrder([...written, ...unwritten(written, messageOf.get(before), kept)]), cut };
      });
      return { seconds: kept.seconds, since: new Date(kept.since), lives };
    });
    return results;
  };
}

const readEvents = (rows: readonly EventRow[]): MessageLife =>
  shortened(rows.toSorted((a, b) => byNumber(a.id, b.id)).map(readEvent));

const readEvent = ({ n: _, id: __, at, until, ...event }: EventRow): LifeEvent => ({
  ...event,
  at: new Date(at),
  until: until === null ? null : new Date(until),
});

const NOBODY = { clientId: null, actor: null, claimId: null, until: null, otherQueue: null };

/** What has happened to a message that is still in the table, and no trigger has seen yet. */
function unwritten(
  events: readonly LifeEvent[],
  message: { marker: string; expires: number; deliveries: number } | undefined,
  { now, lowWater, purged }: Kept,
): LifeEvent[] {
  if (message === undefined || events.length === 0) return [];
  const isPurged = byNumber(message.marker, lowWater) <= 0;
  const ended = isPurged ? (purged ?? now) : message.expires <= now ? message.expires : null;
  const lapse = lapseOf(events, new Date(ended ?? now));
  const kind = isPurged ? "purged" : "expired";
  const end = ended === null ? [] : [{ ...NOBODY, kind, at: new Date(ended), deliveries: message.deliveries } as const];
  return lapse === null ? end : [lapse, ...end];
}
