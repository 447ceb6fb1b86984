/** Consumers in the control database, shared by all processes. Its clock says when they were seen. */
import type pg from "pg";
import { badMarker, markerField, type Page, pageOf, readsBackward } from "../storage/list-pages.ts";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import { CONSUMERS_OF_QUEUE, type Consumer, type ConsumerStore, MINUTES, STOPPED_SECONDS } from "./consumer.ts";
import type { RunSql } from "./sample-sql.ts";

const KEPT_SECONDS = 7 * 86_400;
/** Rows of all queues, about. */
const MAX_ROWS = 500_000;
const TRIM_BATCH = 5000;

/** "Every few seconds": in as many of the 30 slots of ten seconds that end with the last call. */
const REGULAR_SLOTS = 12;
const SLOTS = 30;
/** Slots in which a replacement must have called: a person who claims by hand replaces nobody. */
const REPLACEMENT_SLOTS = 4;
const KEPT_SLOTS = 60;

interface ConsumerRow {
  project: string;
  queue: string;
  name: string;
  actor: string;
  first_at: Date;
  last_claim_at: Date | null;
  last_empty_at: Date | null;
  last_renewal_at: Date | null;
  last_at: Date;
  stopped_at: Date | null;
  claimed: string;
  last_minute: number;
  minutes: number[];
  now: Date;
}

const mask = (slots: number) => String(2n ** BigInt(slots) - 1n);
/** Of those that are set. */
const lastAt = (consumer: string) =>
  `greatest(${consumer}.last_claim_at, ${consumer}.last_empty_at, ${consumer}.last_renewal_at)`;
const LAST_AT = lastAt("c");
const COLUMNS =
  "c.name, c.actor, c.first_at, c.last_claim_at, c.last_empty_at, c.last_renewal_at, c.claimed, c.last_minute, c.minutes";
/**
 * When it stopped; null while it has not, and when another one began at about that time: its replacement, as when a new
 * version is rolled out. `gone`: seconds of silence that tell.
 */
const stoppedAt = (gone: string) => `
  CASE WHEN ${gone} > 0 AND ${LAST_AT} <= t.now - make_interval(secs => ${gone})
    AND ${LAST_AT} > t.now - make_interval(secs => ${STOPPED_SECONDS})
    AND bit_count((c.busy & ${mask(SLOTS)})::bit(64)) >= ${REGULAR_SLOTS}
    AND NOT EXISTS (
      SELECT 1 FROM queue_consumers o
      WHERE o.queue_id = c.queue_id AND o.name <> c.name
        AND o.first_at BETWEEN ${LAST_AT} - interval '1 minute' AND ${LAST_AT} + interval '5 minutes'
        AND ${lastAt("o")} > ${LAST_AT}
        AND bit_count((o.busy & ${mask(SLOTS)})::bit(64)) >= ${REPLACEMENT_SLOTS})
  THEN ${LAST_AT} END`;
const now = (ahead: string) => `SELECT clock_timestamp() + make_interval(secs => ${ahead}::float8) AS now`;

const SQL = {
  // The order keeps two processes from waiting for each other.
  add: `
    WITH t AS MATERIALIZED (${now("$2")}),
    n AS (
      SELECT s.id AS queue_id, n.name, n.actor, n.messages,
        t.now - n.claim_age * interval '1 millisecond' AS claim_at,
        t.now - n.empty_age * interval '1 millisecond' AS empty_at,
        t.now - n.renewal_age * interval '1 millisecond' AS renewal_at,
        floor(extract(epoch FROM t.now - least(n.claim_age, n.empty_age, n.renewal_age) * interval '1 millisecond') / 10)::int
          AS slot,
        -- The middle of the interval that the news is about.
        floor(extract(epoch FROM t.now - interval '5 seconds') / 60)::int AS minute
      FROM json_to_recordset($1::json)
        AS n(project text, queue text, name text, actor text, messages int, claim_age float8, empty_age float8,
          renewal_age float8)
      JOIN queue_samples s ON s.project = n.project AND s.name = n.queue
      CROSS JOIN t),
    added AS (
      INSERT INTO queue_consumers AS c (queue_id, name, actor, first_at, last_claim_at, last_empty_at, last_renewal_at,
        claimed, last_slot, busy, last_minute, minutes)
      SELECT queue_id, name, actor, least(claim_at, empty_at, renewal_at), claim_at, empty_at, renewal_at, messages, slot,
        1, minute, ARRAY[messages]
      FROM n ORDER BY queue_id, name
      ON CONFLICT (queue_id, name) DO UPDATE SET
        actor = excluded.actor,
        last_claim_at = greatest(c.last_claim_at, excluded.last_claim_at),
        last_empty_at = greatest(c.last_empty_at, excluded.last_empty_at),
        last_renewal_at = greatest(c.last_renewal_at, excluded.last_renewal_at),
        claimed = c.claimed + excluded.claimed,
        last_slot = greatest(c.last_slot, excluded.last_slot),
        busy = CASE WHEN excluded.last_slot - c.last_slot >= ${KEPT_SLOTS} THEN 1
          ELSE ((c.busy << greatest(excluded.last_slot - c.last_slot, 0)) & ${mask(KEPT_SLOTS)}) | 1 END,
        last_minute = greatest(c.last_minute, excluded.last_minute),
        -- Another process may have told of a later minute already.
        minutes = CASE WHEN excluded.last_minute <= c.last_minute
          THEN (c.minutes[1] + excluded.claimed::int) || c.minutes[2:]
          ELSE (excluded.claimed::int
            || array_fill(0, ARRAY[least(excluded.last_minute - c.last_minute - 1, ${MINUTES})])
            || c.minutes)[1:${MINUTES}] END
      RETURNING c.queue_id, xmax = 0 AS is_new)
    SELECT DISTINCT queue_id FROM added WHERE is_new`,
  bound: `
    DELETE FROM queue_consumers c USING (
      SELECT queue_id, name, row_number() OVER (PARTITION BY queue_id ORDER BY last_minute DESC, name) AS place
      FROM queue_consumers WHERE queue_id = ANY($1::int[])) AS placed
    WHERE placed.place > ${CONSUMERS_OF_QUEUE} AND c.queue_id = placed.queue_id AND c.name = placed.name`,
  list: (direction: "ASC" | "DESC") => `
    WITH t AS MATERIALIZED (${now("$7")})
    SELECT asked.ordinal::int AS ordinal, asked.project, asked.name AS queue, found.*, t.now
    FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS asked(project, name, gone, ordinal)
    JOIN queue_samples s ON s.project = asked.project AND s.name = asked.name
    CROSS JOIN t
    CROSS JOIN LATERAL (
      SELECT ${COLUMNS}, ${LAST_AT} AS last_at, stopped.at AS stopped_at, ranked.rank
      FROM queue_consumers c
      CROSS JOIN LATERAL (SELECT ${stoppedAt("asked.gone")} AS at) AS stopped
      CROSS JOIN LATERAL (SELECT CASE WHEN stopped.at IS NOT NULL THEN 0
        WHEN ${LAST_AT} > t.now - interval '1 hour' THEN 1 ELSE 2 END AS rank) AS ranked
      WHERE c.queue_id = s.id
        AND ($4::int IS NULL OR (ranked.rank, c.name) ${direction === "ASC" ? ">" : "<"} ($4, $5::text COLLATE "C"))
      ORDER BY ranked.rank ${direction}, c.name ${direction} LIMIT $6) AS found
    ORDER BY asked.ordinal, found.rank ${direction}, found.name ${direction}`,
  named: `
    WITH t AS MATERIALIZED (${now("$5")})
    SELECT asked.ordinal::int AS ordinal, s.project, s.name AS queue, ${COLUMNS}, ${LAST_AT} AS last_at,
      ${stoppedAt("asked.gone")} AS stopped_at, t.now
    FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
      WITH ORDINALITY AS asked(project, name, consumer, gone, ordinal)
    JOIN queue_samples s ON s.project = asked.project AND s.name = asked.name
    JOIN queue_consumers c ON c.queue_id = s.id AND c.name = asked.consumer
    CROSS JOIN t`,
  stopped: `
    WITH t AS MATERIALIZED (${now("$3")})
    SELECT s.project, s.name AS queue, ${COLUMNS}, ${LAST_AT} AS last_at, ${stoppedAt("$1::int")} AS stopped_at, t.now
    FROM t
    JOIN queue_consumers c ON c.last_minute >= floor(extract(epoch FROM t.now) / 60)::int - ${STOPPED_SECONDS / 60} - 1
      AND c.last_minute <= floor(extract(epoch FROM t.now - make_interval(secs => $1::int)) / 60)::int
    JOIN queue_samples s ON s.id = c.queue_id
    WHERE (${stoppedAt("$1::int")}) IS NOT NULL
    ORDER BY ${LAST_AT} DESC, s.project, s.name, c.name LIMIT $2`,
  trim: `
    DELETE FROM queue_consumers c USING (
      SELECT queue_id, name FROM (
        SELECT queue_id, name, last_minute, row_number() OVER () AS place FROM (
          SELECT queue_id, name, last_minute FROM queue_consumers ORDER BY last_minute LIMIT ${TRIM_BATCH}) AS oldest
      ) AS placed
      WHERE last_minute < floor(extract(epoch FROM clock_timestamp() + make_interval(secs => $1::float8)
          - interval '${KEPT_SECONDS} seconds') / 60)::int
        OR place <= pg_stat_get_live_tuples('queue_consumers'::regclass) - $2::bigint) AS old
    WHERE c.queue_id = old.queue_id AND c.name = old.name
    RETURNING 1`,
};

/** The caller closes `connections`. `clock` moves the store's time forward, for tests. */
export function createConsumerStore(params: {
  connections: pg.Pool;
  clock: { offsetMs: number };
  isOn: boolean;
  maxRows?: number;
}): ConsumerStore {
  const { connections, clock, isOn, maxRows = MAX_ROWS } = params;
  const ahead = () => clock.offsetMs / 1000;
  const time = () => Date.now() + clock.offsetMs;
  const began = time();

  const run: RunSql = async (text, values, { wrote = false } = {}) => {
    try {
      return (await connections.query(text, values)).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  };

  return {
    isOn,

    async add(news) {
      const rows = news.map(({ claimAgeMs, emptyAgeMs, renewalAgeMs, ...rest }) => {
        return { ...rest, claim_age: claimAgeMs, empty_age: emptyAgeMs, renewal_age: renewalAgeMs };
      });
      const grown = await run<{ queue_id: number }>(SQL.add, [JSON.stringify(rows), ahead()], { wrote: true });
      if (grown.length > 0) await run(SQL.bound, [grown.map((row) => row.queue_id)], { wrote: true });
    },

    async list({ queues, page }) {
      const from = readMarker(page);
      const rows = await run<ConsumerRow & { ordinal: number; rank: number }>(
        SQL.list(readsBackward(page) ? "DESC" : "ASC"),
        [
          queues.map(({ project }) => project),
          queues.map(({ name }) => name),
          queues.map(({ goneSeconds }) => goneSeconds),
          ...from,
          page.limit + 1,
          ahead(),
        ],
      );
      const byQueue = Map.groupBy(rows, ({ ordinal }) => ordinal);
      return queues.map((_, index): Page<Consumer> => {
        const found = pageOf(byQueue.get(index + 1) ?? [], page, ({ rank, name }) => `${rank}${name}`);
        return { ...found, items: found.items.map(toConsumer) };
      });
    },

    async named(wanted) {
      if (wanted.length === 0) return [];
      const rows = await run<ConsumerRow & { ordinal: number }>(SQL.named, [
        wanted.map(({ project }) => project),
        wanted.map(({ name }) => name),
        wanted.map(({ consumer }) => consumer),
        wanted.map(({ goneSeconds }) => goneSeconds),
        ahead(),
      ]);
      const byOrdinal = new Map(rows.map((row) => [row.ordinal, toConsumer(row)]));
      return wanted.map((_, index) => byOrdinal.get(index + 1) ?? null);
    },

    async stopped({ silentSeconds, limit }) {
      if (time() - began < silentSeconds * 1000) return [];
      return (await run<ConsumerRow>(SQL.stopped, [silentSeconds, limit, ahead()])).map(toConsumer);
    },

    async trim() {
      return (await run(SQL.trim, [ahead(), maxRows], { wrote: true })).length;
    },
  };
}

/** Rank and name of the row that a page begins beyond. BAD_INPUT. */
function readMarker(page: { after?: string; before?: string }): [number | null, string | null] {
  const marker = page.before ?? page.after;
  if (marker === undefined) return [null, null];
  if (!/^[012]/.test(marker)) throw badMarker(markerField(page));
  return [Number(marker[0]), marker.slice(1)];
}

const MINUTE_MS = 60_000;

function toConsumer(row: ConsumerRow): Consumer {
  const running = Math.floor(row.now.getTime() / MINUTE_MS);
  const silent = Math.max(0, running - row.last_minute);
  // What is stored begins with its newest minute.
  const minutes = Array.from({ length: MINUTES }, (_, index) => row.minutes[MINUTES - 1 - index - silent] ?? 0);
  const [last = 0, present = 0] = minutes.slice(-2);
  const part = (row.now.getTime() % MINUTE_MS) / MINUTE_MS;
  return {
    project: row.project,
    queue: row.queue,
    name: row.name,
    actor: row.actor,
    firstSeenAt: row.first_at,
    lastClaimAt: row.last_claim_at,
    lastEmptyClaimAt: row.last_empty_at,
    lastRenewalAt: row.last_renewal_at,
    lastSeenAt: row.last_at,
    stoppedAt: row.stopped_at,
    claimed: Number(row.claimed),
    minutes,
    minutesUntil: new Date((running + 1) * MINUTE_MS),
    rate: (last * (1 - part) + present) / 60,
  };
}
