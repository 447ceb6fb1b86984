/** Problems in the control database, shared by all processes. Its clock stamps them. */
import type pg from "pg";
import { badMarker, markerField, pageOf, readsBackward } from "../storage/list-pages.ts";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import {
  MAX_WORST,
  MOST_FOUND,
  PROBLEM_KINDS,
  type Problem,
  type ProblemFilter,
  type ProblemGroup,
  type ProblemKind,
  type ProblemStore,
  type ProblemSubject,
  type Severity,
} from "./problem.ts";

interface ProblemRow extends ProblemSubject {
  id: string;
  kind: ProblemKind;
  severity: number;
  since: Date;
  seen_at: Date;
  numbers: string;
  until: Date | null;
  actor: string | null;
  reason: string | null;
}

const SEVERITIES: Record<Severity, number> = { critical: 1, warning: 2 };
const MAX_COUNT = 10_000;
const SUBJECT = "project, queue, pool, job";

const same = (a: string, b: string) =>
  ["kind", "project", "queue", "pool", "job"].map((column) => `${a}.${column} = ${b}.${column}`).join(" AND ");
/** `$1`: how far the clock is ahead, in seconds. */
const NOW = "(clock_timestamp() + make_interval(secs => $1))";
const COLUMNS = "p.id::text, p.kind, p.project, p.queue, p.pool, p.job, p.severity, p.since, p.seen_at, p.numbers";
const WITH_SNOOZE = `problems p LEFT JOIN problem_snoozes z ON ${same("z", "p")} AND z.until > ${NOW}`;
const WORST = "p.severity, p.since, p.id";
/** `$2` to `$8`: see filterValues. */
const FILTER = `($2::text[] IS NULL OR p.kind = ANY($2)) AND ($3::smallint[] IS NULL OR p.severity = ANY($3))
  AND CASE WHEN p.queue <> '' THEN $4::text[] IS NULL OR p.project = ANY($4)
    ELSE $5::boolean AND ($4::text[] IS NULL OR p.job = '') END AND ($6::text IS NULL OR p.queue = $6)
  AND ($7::text IS NULL OR p.pool = $7) AND ($8::boolean OR z.until IS NULL)`;

/** As many of these kinds are known as one look finds, of all projects. */
const isFull = ({ kinds, most }: (typeof MOST_FOUND)[number]) =>
  `((SELECT count(*) FROM (SELECT 1 FROM problems a WHERE a.kind IN (${quoted(kinds)}) LIMIT ${most}) AS a) = ${most})`;
const quoted = (kinds: readonly ProblemKind[]) => kinds.map((kind) => `'${kind}'`).join(", ");
/** There may be more problems of `kind` than were found. */
const MAY_BE_MORE = `CASE ${MOST_FOUND.map(
  (bound) => `WHEN kind IN (${quoted(bound.kinds)}) THEN ${isFull(bound)}`,
).join(" ")} ELSE false END`;
/** The same for the kinds of a filter. */
const SOME_MAY_BE_MORE = MOST_FOUND.map(
  (bound) => `(($2::text[] IS NULL OR $2 && ARRAY[${quoted(bound.kinds)}]) AND ${isFull(bound)})`,
).join(" OR ");

const SQL = {
  list: (backward: boolean) => `
    SELECT ${COLUMNS}, z.until, z.actor, z.reason FROM ${WITH_SNOOZE} WHERE ${FILTER}
      AND ($9::int IS NULL
        OR (p.severity, p.since, p.id) ${backward ? "<" : ">"} ($9::int, $10::timestamptz, $11::bigint))
    ORDER BY ${backward ? "p.severity DESC, p.since DESC, p.id DESC" : WORST} LIMIT $12`,
  count: `SELECT count(*)::int AS count, ${SOME_MAY_BE_MORE} AS more FROM (
    SELECT 1 FROM ${WITH_SNOOZE} WHERE ${FILTER} LIMIT ${MAX_COUNT + 1}) AS found`,
  getMany: `SELECT ${COLUMNS}, z.until, z.actor, z.reason FROM ${WITH_SNOOZE} WHERE p.id = ANY($2::bigint[])`,
  ofQueues: `
    SELECT ${COLUMNS}, z.until, z.actor, z.reason, asked.ordinal::int AS ordinal
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS asked(project, queue, ordinal)
    JOIN ${WITH_SNOOZE} ON p.project = asked.project AND p.queue = asked.queue ORDER BY ${WORST}`,
  ofPools: `
    SELECT ${COLUMNS}, z.until, z.actor, z.reason, asked.ordinal::int AS ordinal
    FROM unnest($2::text[]) WITH ORDINALITY AS asked(pool, ordinal)
    JOIN ${WITH_SNOOZE} ON p.pool <> '' AND p.pool = asked.pool ORDER BY ${WORST}`,
  summary: `
    SELECT kind, min(severity)::int AS severity, count(*)::int AS count, NOT ${MAY_BE_MORE} AS exact, min(since) AS since,
      json_agg(json_build_object('id', id::text, 'project', project, 'queue', queue, 'pool', pool, 'job', job)
        ORDER BY place) FILTER (WHERE place <= ${MAX_WORST}) AS worst
    FROM (
      SELECT p.*, row_number() OVER (PARTITION BY p.kind ORDER BY ${WORST}) AS place
      FROM ${WITH_SNOOZE} WHERE z.until IS NULL
        AND ($2::text[] IS NULL OR (p.queue <> '' AND p.project = ANY($2)) OR (p.queue = '' AND p.job = ''))) AS p
    GROUP BY kind`,
  /**
   * What ends and what is found, in one statement: nobody sees a state between the two. `$4`, `$5`: of these queues
   * only. `$6`: of this pool only. Of queues they are found by their index, however many problems there are.
   */
  put: (scope: "all" | "queues") => `
    WITH found AS (
      SELECT * FROM json_to_recordset($2::json) AS f(kind text, project text, queue text, pool text, job text,
        severity smallint, since timestamptz, numbers text)),
    ended AS (
      DELETE FROM problems p USING unnest($4::text[], $5::text[]) AS asked(project, queue)
      WHERE p.kind = ANY($3::text[]) AND ($6::text IS NULL OR p.pool = $6)
        ${scope === "queues" ? "AND p.project = asked.project AND p.queue = asked.queue" : ""}
        AND NOT EXISTS (SELECT 1 FROM found f WHERE ${same("f", "p")}))
    INSERT INTO problems AS p (kind, ${SUBJECT}, severity, since, seen_at, numbers)
    SELECT f.kind, f.project, f.queue, f.pool, f.job, f.severity, f.since, ${NOW}, f.numbers FROM found f
    -- A queue that was deleted meanwhile has no problems.
    WHERE f.queue = '' OR EXISTS (SELECT 1 FROM queues q WHERE q.project = f.project AND q.name = f.queue)
    ORDER BY f.kind, f.project, f.queue, f.pool, f.job
    ON CONFLICT (kind, ${SUBJECT}) DO UPDATE SET severity = excluded.severity,
      since = ${scope === "all" ? "least(p.since, excluded.since)" : "excluded.since"},
      seen_at = excluded.seen_at, numbers = excluded.numbers`,
  snooze: `
    INSERT INTO problem_snoozes (kind, ${SUBJECT}, until, actor, reason)
    VALUES ($2, $3, $4, $5, $6, ${NOW} + make_interval(secs => $7), $8, $9)
    ON CONFLICT (kind, ${SUBJECT}) DO UPDATE SET until = excluded.until, actor = excluded.actor,
      reason = excluded.reason`,
  snoozed: `SELECT kind, ${SUBJECT} FROM problem_snoozes WHERE until > ${NOW} ORDER BY until DESC LIMIT $2`,
  // Those that have ended go with it.
  wake: `DELETE FROM problem_snoozes WHERE until <= ${NOW}
    OR (kind = $2 AND project = $3 AND queue = $4 AND pool = $5 AND job = $6)`,
};

/** The caller closes `connections`. `clock` moves the store's time forward, for tests. */
export function createProblemStore(params: { connections: pg.Pool; clock: { offsetMs: number } }): ProblemStore {
  const { connections, clock } = params;

  async function run<Row extends object>(text: string, values: readonly unknown[], wrote = false): Promise<Row[]> {
    try {
      return (await connections.query<Row>(text, [clock.offsetMs / 1000, ...values])).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }

  return {
    async list({ page, filter }) {
      const marker = page.after ?? page.before;
      const position = marker === undefined ? [null, null, null] : positionOf(marker, page);
      const rows = await run<ProblemRow>(SQL.list(readsBackward(page)), [
        ...filterValues(filter),
        ...position,
        page.limit + 1,
      ]);
      return pageOf(rows.map(toProblem), page, markerOf);
    },

    async count(filter) {
      const [row] = await run<{ count: number; more: boolean }>(SQL.count, filterValues(filter));
      const value = row?.count ?? 0;
      return { value: Math.min(value, MAX_COUNT), exact: value <= MAX_COUNT && row?.more !== true };
    },

    async getMany(ids) {
      return (await run<ProblemRow>(SQL.getMany, [ids.filter((id) => /^\d{1,18}$/.test(id))])).map(toProblem);
    },

    async ofQueues(queues) {
      const rows = await run<ProblemRow & { ordinal: number }>(SQL.ofQueues, [
        queues.map(({ project }) => project),
        queues.map(({ name }) => name),
      ]);
      return grouped(rows, queues.length);
    },

    async ofPools(pools) {
      return grouped(await run<ProblemRow & { ordinal: number }>(SQL.ofPools, [pools]), pools.length);
    },

    async summary({ projects }) {
      const values = [projects === "all" ? null : projects];
      const rows = await run<Omit<ProblemGroup, "severity"> & { severity: number }>(SQL.summary, values);
      const place = ({ kind }: { kind: ProblemKind }) => PROBLEM_KINDS.indexOf(kind);
      return rows
        .filter((row) => place(row) >= 0)
        .sort((a, b) => a.severity - b.severity || place(a) - place(b))
        .map((row) => ({ ...row, severity: severityOf(row.severity) }));
    },

    async put({ kinds, found, queues, pool }) {
      const rows = found.map(({ severity, since, numbers, ...one }) => ({
        ...one,
        severity: SEVERITIES[severity],
        since,
        numbers: JSON.stringify(numbers),
      }));
      // One row stands for all queues.
      const asked = queues ?? [{ project: "", name: "" }];
      const scope = queues === undefined ? "all" : "queues";
      const names = [asked.map(({ project }) => project), asked.map(({ name }) => name)];
      await run(SQL.put(scope), [JSON.stringify(rows), kinds, ...names, pool ?? null], true);
    },

    async snooze({ kind, project, queue, pool, job }, snooze) {
      const subject = [kind, project, queue, pool, job];
      if (snooze === null) await run(SQL.wake, subject, true);
      else await run(SQL.snooze, [...subject, snooze.seconds, snooze.actor, snooze.reason], true);
    },

    snoozed: (limit) => run(SQL.snoozed, [limit]),

    async now() {
      const [row] = await run<{ now: Date }>(`SELECT ${NOW} AS now`, []);
      return row?.now ?? new Date();
    },
  };
}

function filterValues(filter: ProblemFilter): unknown[] {
  const { kinds, severities, projects, ofPools = true, queue, pool, includeSnoozed = false } = filter;
  return [
    kinds ?? null,
    severities?.map((severity) => SEVERITIES[severity]) ?? null,
    projects === "all" ? null : projects,
    ofPools,
    queue ?? null,
    pool ?? null,
    includeSnoozed,
  ];
}

function grouped(rows: readonly (ProblemRow & { ordinal: number })[], length: number): Problem[][] {
  const found: Problem[][] = Array.from({ length }, () => []);
  for (const { ordinal, ...row } of rows) found[ordinal - 1]?.push(toProblem(row));
  return found;
}

const severityOf = (stored: number): Severity => (stored <= SEVERITIES.critical ? "critical" : "warning");

function toProblem(row: ProblemRow): Problem {
  const { id, kind, project, queue, pool, job, severity, since, seen_at: seenAt, numbers } = row;
  const { until, actor, reason } = row;
  return {
    ...{ id, kind, project, queue, pool, job, since, seenAt },
    severity: severityOf(severity),
    numbers: JSON.parse(numbers),
    snooze: until === null ? null : { until, actor: actor ?? "", reason: reason ?? "" },
  } as Problem;
}

/** A position in the list, also when its problem has ended. */
function markerOf({ severity, since, id }: Problem): string {
  return `${SEVERITIES[severity]}.${since.getTime()}.${id}`;
}

function positionOf(marker: string, page: Parameters<typeof markerField>[0]): [number, Date, string] {
  const [, severity, since, id] = /^([12])\.(\d{1,15})\.(\d{1,18})$/.exec(marker) ?? [];
  if (severity === undefined || since === undefined || id === undefined) throw badMarker(markerField(page));
  return [Number(severity), new Date(Number(since)), id];
}
