/** Jobs in the control database, shared by all processes. Its clock decides leases. */
import type pg from "pg";
import type { ErrorCode } from "../errors.ts";
import { keyReused } from "../storage/idempotency.ts";
import type { Page } from "../storage/list-pages.ts";
import { markerField, numberMarker, pageOf, readsBackward } from "../storage/list-pages.ts";
import { isUniqueViolation, translatePostgresError } from "../storage/postgres/sql/connection.ts";
import type { Job, JobKind, JobOnce, JobState, JobStore, JobSubject } from "./job.ts";

interface JobRow {
  id: string;
  kind: JobKind;
  project: string | null;
  target: string;
  input: string;
  state: JobState;
  progress: number;
  total: number | null;
  rate: number | null;
  waiting_for: string | null;
  result: string | null;
  error_code: ErrorCode | null;
  error_message: string | null;
  cancel_requested: boolean;
  actor: string;
  request_id: string;
  holder: string | null;
  fence: number;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

const COLUMNS = `id::text, kind, project, target, input, state, progress::float8, total::float8, rate, waiting_for,
  result, error_code, error_message, cancel_requested, actor, request_id, holder, fence::float8, created_at, started_at,
  finished_at`;

const UNFINISHED = "state IN ('waiting', 'running')";
/** True for the job while this holder still has it. */
const OURS = "id = $1 AND holder = $2 AND fence = $3 AND state = 'running'";

const SQL = {
  add: `INSERT INTO jobs (kind, project, target, input, actor, request_id) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (kind, target, (coalesce(project, ''))) WHERE ${UNFINISHED} DO NOTHING RETURNING ${COLUMNS}`,
  // For the new job, or the one that has not ended. No row: that one was added at this moment.
  addOnce: `WITH added AS (
      INSERT INTO jobs (kind, project, target, input, actor, request_id) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (kind, target, (coalesce(project, ''))) WHERE ${UNFINISHED} DO NOTHING RETURNING *),
    found AS (
      SELECT true AS created, a.* FROM added a
      UNION ALL
      SELECT false, j.* FROM jobs j
      WHERE kind = $1 AND coalesce(project, '') = coalesce($2, '') AND target = $3 AND ${UNFINISHED}
        AND NOT EXISTS (SELECT 1 FROM added)),
    keyed AS (
      INSERT INTO job_keys (kind, project, target, key, request, job_id)
      SELECT $1, coalesce($2, ''), $3, $7, $8, f.id FROM found f)
    SELECT created, ${COLUMNS} FROM found`,
  byKey: `SELECT k.key_request, ${COLUMNS} FROM jobs JOIN (
      SELECT job_id, request AS key_request FROM job_keys
      WHERE kind = $1 AND project = coalesce($2, '') AND target = $3 AND key = $4
    ) AS k ON k.job_id = jobs.id`,
  unfinished: `SELECT ${COLUMNS} FROM jobs
    WHERE kind = $1 AND coalesce(project, '') = coalesce($2, '') AND target = $3 AND ${UNFINISHED}`,
  get: `SELECT ${COLUMNS} FROM jobs WHERE id = $1`,
  getMany: `SELECT ${COLUMNS} FROM jobs WHERE id = ANY ($1::bigint[])`,
  take: `UPDATE jobs SET state = 'running', holder = $1, fence = fence + 1,
      lease_expires_at = clock_timestamp() + make_interval(secs => $2),
      started_at = coalesce(started_at, clock_timestamp()), waiting_for = NULL
    WHERE id = (
      SELECT id FROM jobs WHERE ${UNFINISHED} AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
  beat: `UPDATE jobs SET lease_expires_at = clock_timestamp() + make_interval(secs => $4), progress = $5, total = $6,
      rate = $7, waiting_for = $8
    WHERE ${OURS} RETURNING cancel_requested`,
  listFailed: `SELECT ${COLUMNS} FROM jobs WHERE id IN (
      SELECT j.id FROM jobs j WHERE j.state = 'failed' AND j.finished_at > clock_timestamp() - interval '7 days'
        AND NOT EXISTS (SELECT 1 FROM jobs k WHERE k.kind = j.kind AND k.target = j.target AND k.id > j.id
          AND k.project IS NOT DISTINCT FROM j.project)
        AND CASE WHEN j.project IS NULL THEN j.target = 'default' OR EXISTS (SELECT 1 FROM pools p WHERE p.name = j.target)
          ELSE EXISTS (SELECT 1 FROM queues q WHERE q.project = j.project AND q.name = j.target) END
      ORDER BY j.id DESC LIMIT $1)
    ORDER BY jobs.id DESC`,
  // Jobs end in about the order of their ids, so it is enough to look at the first ones.
  trim: `DELETE FROM jobs WHERE id IN (
      SELECT id FROM (SELECT id, finished_at FROM jobs ORDER BY id LIMIT $2) AS first
      WHERE finished_at < clock_timestamp() - make_interval(days => $1::int))
    RETURNING 1`,
  release: `UPDATE jobs SET lease_expires_at = NULL WHERE ${OURS}`,
  end: `UPDATE jobs SET state = $4, progress = $5, total = $6, result = $7, error_code = $8, error_message = $9,
      lease_expires_at = NULL, waiting_for = NULL, finished_at = clock_timestamp()
    WHERE ${OURS} RETURNING 1`,
  cancel: `UPDATE jobs SET cancel_requested = true,
      state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
      finished_at = CASE WHEN state = 'waiting' THEN clock_timestamp() END
    WHERE id = $1 AND ${UNFINISHED}`,
};

/** The caller closes `connections`. */
export function createJobStore({ connections }: { connections: pg.Pool }): JobStore {
  async function run<Row extends object>(text: string, values: readonly unknown[], wrote: boolean): Promise<Row[]> {
    try {
      return (await connections.query<Row>(text, [...values])).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }
  const holding = ({ id, holder, fence }: Job) => [id, holder, fence];

  async function get(id: string): Promise<Job | null> {
    if (!isId(id)) return null;
    const [row] = await run<JobRow>(SQL.get, [id], false);
    return row === undefined ? null : toJob(row);
  }

  async function list({ page, kind, state, target, projects }: Parameters<JobStore["list"]>[0]): Promise<Page<Job>> {
    const { after, before, limit } = page;
    const marker = after ?? before;
    if (marker !== undefined) numberMarker(marker, markerField(page));
    const backward = readsBackward(page);
    const rows = await run<JobRow>(
      `SELECT ${COLUMNS} FROM jobs
       WHERE ($1::bigint IS NULL OR id < $1) AND ($2::bigint IS NULL OR id > $2)
         AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR state = $4) AND ($5::text IS NULL OR target = $5)
         AND ($6::text[] IS NULL OR project = ANY ($6))
       ORDER BY jobs.id ${backward ? "ASC" : "DESC"} LIMIT $7`,
      [after ?? null, before ?? null, kind ?? null, state ?? null, target ?? null, projects ?? null, limit + 1],
      false,
    );
    return pageOf(rows.map(toJob), page, ({ id }) => id);
  }

  async function findByKey({ kind, project, target }: JobSubject, { key, request }: JobOnce): Promise<Job | null> {
    const [row] = await run<JobRow & { key_request: string }>(SQL.byKey, [kind, project, target, key], false);
    if (row !== undefined && row.key_request !== request) throw keyReused(key);
    return row === undefined ? null : toJob(row);
  }

  async function addOnce(job: Parameters<JobStore["add"]>[0], once: JobOnce): ReturnType<JobStore["add"]> {
    const { kind, project, target, inputText, actor, requestId } = job;
    for (;;) {
      const prior = await findByKey(job, once);
      if (prior !== null) return { job: prior, created: false };
      const values = [kind, project, target, inputText, actor, requestId, once.key, once.request];
      try {
        const [row] = await run<JobRow & { created: boolean }>(SQL.addOnce, values, true);
        if (row !== undefined) return { job: toJob(row), created: row.created };
      } catch (error) {
        // Another call with this key has committed in between: nothing was added, and its job is read.
        if (!isUniqueViolation(error)) throw error;
      }
    }
  }

  return {
    async add(job, once) {
      if (once !== undefined) return addOnce(job, once);
      const { kind, project, target, inputText, actor, requestId } = job;
      // The unfinished job may end before it is read. Then the new one can be added.
      for (;;) {
        const [row] = await run<JobRow>(SQL.add, [kind, project, target, inputText, actor, requestId], true);
        if (row !== undefined) return { job: toJob(row), created: true };
        const [other] = await run<JobRow>(SQL.unfinished, [kind, project, target], false);
        if (other !== undefined) return { job: toJob(other), created: false };
      }
    },
    findByKey,
    get,
    async getMany(ids) {
      const known = ids.filter(isId);
      return known.length === 0 ? [] : (await run<JobRow>(SQL.getMany, [known], false)).map(toJob);
    },
    list,
    async take({ holder, leaseSeconds }) {
      const [row] = await run<JobRow>(SQL.take, [holder, leaseSeconds], true);
      return row === undefined ? null : toJob(row);
    },
    async beat({ job, leaseSeconds, progress, total, rate, waitingFor }) {
      const values = [...holding(job), leaseSeconds, progress, total, rate, waitingFor];
      const [row] = await run<{ cancel_requested: boolean }>(SQL.beat, values, true);
      return row === undefined ? null : { cancelRequested: row.cancel_requested };
    },
    async listFailed({ limit }) {
      return (await run<JobRow>(SQL.listFailed, [limit], false)).map(toJob);
    },
    async trim({ days, limit }) {
      return (await run(SQL.trim, [days, limit], true)).length;
    },
    async release(job) {
      await run(SQL.release, holding(job), true);
    },
    async end({ job, state, progress, total, resultText, error }) {
      const values = [...holding(job), state, progress, total, resultText, error?.code ?? null, error?.message ?? null];
      return (await run(SQL.end, values, true)).length > 0;
    },
    async cancel(id) {
      if (!isId(id)) return null;
      await run(SQL.cancel, [id], true);
      return get(id);
    },
  };
}

function toJob(row: JobRow): Job {
  const { error_code: code, error_message: message } = row;
  return {
    id: row.id,
    kind: row.kind,
    project: row.project,
    target: row.target,
    inputText: row.input,
    state: row.state,
    progress: row.progress,
    total: row.total,
    rate: row.rate,
    waitingFor: row.waiting_for,
    resultText: row.result,
    error: code === null ? null : { code, message: message ?? "" },
    cancelRequested: row.cancel_requested,
    actor: row.actor,
    requestId: row.request_id,
    holder: row.holder,
    fence: row.fence,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

const isId = (id: string) => /^\d{1,18}$/.test(id);
